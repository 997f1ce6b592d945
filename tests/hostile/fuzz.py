"""Coverage-guided campaigns against what reads a stranger's bytes: `python -m tests.hostile.fuzz TARGET SECONDS FOLDER`."""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["app.dicom", "app.dicomweb", "python_multipart"]):
    from app import config
    from app.api.referring import file_name
    from app.dicom import header as _header
    from app.dicom.admission import examine
    from app.dicom.facts import Facts
    from app.dicom.json_values import Charset
    from app.dicom.metadata import header
    from app.dicom.text import CharacterSet
    from app.dicom.untouched import untouched
    from app.dicomweb import accept
    from app.dicomweb.parts import Parts, media_type

from app.errors import Invalid, Refusal
from app.http.problems import DoorRefusal
from tests.dicom import real
from tests.hostile import dicom

CHECK_S = 2.5  # of CPU, a bit above the check's own limit
FRAMES_LOOKED_AT = 3
MULTIPART = 'multipart/related; type="application/dicom"; boundary=b'


def admission(data: bytes, folder: Path) -> None:
    """A file is admitted or refused; what is admitted has a header, and frames that lie in it."""
    path = folder / "file"
    path.write_bytes(data)
    try:
        facts = examine(path)
    except Invalid:
        return
    assert Facts.from_json(json.loads(json.dumps(facts.to_json(), allow_nan=False))) == facts
    if facts.kind != "dicom":
        return
    json.loads(header(path, facts).text)  # it believes what was admitted: Invalid is a fault here
    for number in range(min(facts.frames.count, FRAMES_LOOKED_AT) if facts.frames else 0):
        assert facts.frames
        assert facts.pixels
        ranges = facts.frames.ranges(number)
        assert all(offset + length <= len(data) for offset, length in ranges)
        untouched(b"".join(data[at : at + length] for at, length in ranges), facts.pixels)


def multipart(data: bytes, _folder: Path) -> None:
    """The first byte says in which pieces the body comes; in others it must be the same body."""
    if not data:
        return
    outcomes = [_parted(data[1:], size) for size in (data[0] + 1, len(data))]
    assert outcomes[0] == outcomes[1], outcomes


def _parted(body: bytes, size: int) -> list[str] | int:
    parts = Parts(MULTIPART)
    try:
        for at in range(0, len(body), size):
            parts.feed(bytearray(body[at : at + size]))
        return [part.file().sha256 for part in parts.close()] or 400  # the door's answer where there is none
    except (Refusal, DoorRefusal) as refusal:
        return refusal.status_code if isinstance(refusal, DoorRefusal) else 413
    finally:
        parts.discard()
        assert not list(config.settings().spool_dir.iterdir())


def text(data: bytes, _folder: Path) -> None:
    """Names in whatever character set and header: text without controls, or nothing."""
    declared, _, value = data.partition(b"\n")
    shown = CharacterSet(declared).decode(value)
    assert not any(ord(letter) < 32 for letter in shown)
    shown.encode("utf-8", "surrogatepass")
    Charset(declared).texts(value)
    words = value.decode("latin-1")
    name = file_name(words)
    assert name
    assert not {"", ".", ".."} & set(name.split("/")), "it leads nowhere"
    media_type(words)
    accept._ranges(words)
    _header._SOUND_UID.fullmatch(words)


TARGETS: dict[str, Callable[[bytes, Path], None]] = {"admission": admission, "multipart": multipart, "text": text}


def seeds(target: str) -> Iterator[bytes]:
    """Small real files, and the crafted ones; for the others a few words of their language."""
    if target == "admission":
        yield from (path.read_bytes() for path in real.DICOM if path.stat().st_size < 20_000)
        made = [make for _code, make in dicom.REFUSED.values()] + list(dicom.HARMLESS.values())
        yield from (data for make in [*made, *(make for make, _ in dicom.ODD.values())] if len(data := make()) < 20_000)
        yield from (
            b"\xff\xd8\xff\xe0\0\x10JFIF",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            b"\0\0\0\x18ftypisom",
            b"%PDF-1.4",
            b"PK\3\4",
        )
    elif target == "multipart":
        part = b"--b\r\nContent-Type: application/dicom\r\n\r\nabc\r\n--\r\n"
        yield from (b"\x07" + part + b"--b--\r\n", b"\xff" + part * 3 + b"--b--", b"\0--b--", b"\3\r\n\r\n" + part)
    else:
        for declared in (
            b"ISO_IR 100",
            b"\\ISO 2022 IR 87",
            b"ISO_IR 192",
            b"GB18030",
            b"ISO_IR 13",
            b"\\ISO 2022 IR 149",
        ):
            yield declared + b"\nYamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B\\\x1b$)C\xfb\xf3"
        yield b"\nattachment; filename*=UTF-8''%c3%a9.dcm; filename=\"a\\b.dcm\""
        yield b'\nmultipart/related; type="image/jpeg"; transfer-syntax=*; q=0.5, */*;q=0.1'


def main(target: str, seconds: str, folder: str) -> None:
    place = Path(folder)
    corpus = place / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds(target)):
        (corpus / f"seed-{number}").write_bytes(data)
    config.load(data_dir=place / "data", min_free_disk_bytes=0)
    config.settings().spool_dir.mkdir(parents=True, exist_ok=True)
    logging.disable()  # the parser says each refusal
    run = TARGETS[target]

    def once(data: bytes) -> None:
        (place / "last").write_bytes(data)  # for who looks into a fault
        started_s = time.thread_time()
        run(data, place)
        assert time.thread_time() - started_s < CHECK_S

    # Inputs of the seeds' size at most; a fault leaves what caused it in the folder
    options = [
        f"-max_total_time={seconds}",
        "-max_len=20000",
        "-timeout=30",
        "-rss_limit_mb=2048",
        f"-artifact_prefix={place}/",
    ]
    atheris.Setup(["fuzz", *options, str(corpus)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
