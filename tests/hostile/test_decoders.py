"""Files that want too much of a decoder, or break it, are refused by the pool; the next file is served."""

import importlib.util
import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject, TextStringObject

from app.dicom.admission import examine
from app.dicom.pool import Pool
from app.errors import Invalid
from tests.dicom import made, real

pytestmark = [pytest.mark.hostile, pytest.mark.timeout(100)]


ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    pool = Pool(2)
    pool.start()
    yield pool
    pool.stop()


@pytest.fixture(autouse=True)
def _the_pool_serves_afterwards(pool: Pool) -> Iterator[None]:
    yield
    pixels = {"transfer_syntax_uid": made.EXPLICIT, "rows": 8, "columns": 8}
    assert pool.run("frame", data=bytes(64), pixels=pixels, form="png")["body"]


def test_no_decoder_that_ends_its_process_or_binds_by_its_licence_is_shipped() -> None:
    """gdcm aborts the interpreter on bad input and is pydicom's first choice; pylibjpeg-libjpeg is GPL."""
    locked = " ".join(path.read_text().lower() for path in ROOT.glob("requirements*.lock"))
    for name in ("gdcm", "pylibjpeg-libjpeg", "pylibjpeg_libjpeg"):
        assert name not in locked
    assert importlib.util.find_spec("gdcm") is None
    assert importlib.util.find_spec("libjpeg") is None


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_bomb(columns: int, rows: int) -> bytes:
    """Nothing but zeros, a thousand times smaller than what it unpacks to."""
    squeeze = zlib.compressobj(9)
    row = bytes(columns * 4 * 2 + 1)
    data = b"".join(squeeze.compress(row) for _ in range(rows)) + squeeze.flush()
    header = struct.pack(">IIBBBBB", columns, rows, 16, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_a_png_of_the_largest_size_is_shown(pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(png_bomb(8_000, 5_000))
    assert examine(path).rows == 5_000
    assert pool.run("still", path=str(path), form="webp", max_side=320)["columns"] == 320


def test_a_png_beyond_the_limit_is_refused_by_the_decoder_too(pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(png_bomb(12_000, 4_000))
    with pytest.raises(Invalid):
        pool.run("still", path=str(path), form="webp", max_side=320)


def test_a_png_with_a_text_bomb_is_refused(pool: Pool, tmp_path: Path) -> None:
    text = zlib.compress(bytes(200 << 20), 9)
    whole = io.BytesIO()
    Image.new("L", (8, 8)).save(whole, "PNG")
    data = whole.getvalue()
    path = tmp_path / "upload"
    path.write_bytes(data[:33] + chunk(b"zTXt", b"Comment\0\0" + text) * 8 + data[33:])
    with pytest.raises(Invalid):
        pool.run("still", path=str(path), form="png")


@pytest.mark.parametrize(
    ("syntax", "stream"),
    [
        (made.JPEG, made.jpeg_stating(30_000, 30_000, 3)),
        (made.JPEG, made.jpeg_stating(65_500, 65_500)),
        (made.JPEG_LS, made.jpeg_stating(65_000, 65_000).replace(b"\xff\xc0", b"\xff\xf7")),
        (made.JPEG_2000, made.jpeg_2000_stating(60_000, 60_000)),
        (made.JPEG_2000, made.jpeg_2000_stating(4_096, 4_096, tile=1)),
        (made.HTJ2K, made.jpeg_2000_stating(60_000, 60_000)),
        (made.RLE, made.rle_stating(1)),
        (made.RLE, b"\0" * 64),
        (made.JPEG_XL, b"\xff\x0a" + b"\xff" * 40),
    ],
    ids=range(9),
)
def test_a_frame_that_came_past_the_check_is_still_refused(pool: Pool, syntax: str, stream: bytes) -> None:
    pixels = {"transfer_syntax_uid": syntax, "rows": 512, "columns": 512, "samples_per_pixel": 1}
    with pytest.raises(Invalid):
        pool.run("frame", data=stream, pixels=pixels, form="webp")


def test_a_film_that_states_a_huge_picture_is_refused(pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 8_000, 4_000, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((4_000, 8_000), np.uint8), "gray")))
        container.mux(stream.encode(None))
    with pytest.raises(Invalid, match="8,000 × 4,000 pixels"):
        pool.run("film", path=str(path), output=str(tmp_path / "film.mp4"))


def test_a_film_of_hours_is_refused(pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for second in (0, 36_000):
            shot = av.VideoFrame.from_ndarray(np.zeros((64, 64), np.uint8), "gray")
            shot.pts = second * 25
            container.mux(stream.encode(shot))
        container.mux(stream.encode(None))
    with pytest.raises(Invalid, match="too many seconds"):
        pool.run("film", path=str(path), output=str(tmp_path / "film.mp4"))


def test_a_pdf_page_that_unpacks_without_end_is_refused(pool: Pool, tmp_path: Path) -> None:
    writer = PdfWriter()
    sheet = writer.add_blank_page(595, 842)
    stream = DecodedStreamObject()
    stream.set_data(b"0 0 m 500 800 l S\n" * (8 << 20))
    sheet[NameObject("/Contents")] = writer._add_object(stream.flate_encode(9))
    path = tmp_path / "upload"
    writer.write(path)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(Invalid, match="could not be decoded"):
        pool.run("page", path=str(path), number=0)


def test_a_pdf_with_scripts_and_attachments_is_only_a_picture(pool: Pool, tmp_path: Path) -> None:
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    script = {"/S": NameObject("/JavaScript"), "/JS": TextStringObject("app.launchURL('http://127.0.0.1:9/')")}
    writer.root_object[NameObject("/OpenAction")] = DictionaryObject(
        {NameObject(name): value for name, value in script.items()}
    )
    writer.add_attachment("evil.exe", b"MZ")
    path = tmp_path / "upload"
    writer.write(path)
    body = pool.run("page", path=str(path), number=0)["body"]
    assert Image.open(io.BytesIO(body)).format == "WEBP"


def test_an_answer_of_a_child_is_never_more_than_data(pool: Pool) -> None:
    """Unknown acts and arguments are refused without a trace of what they were."""
    with pytest.raises(Invalid, match="could not be decoded"):
        pool.run("frame", data=b"", pixels={"transfer_syntax_uid": "1.2"}, form="png")
    with pytest.raises(Invalid, match="could not be decoded"):
        pool.run("still", path="/nonexistent/file", form="png")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    name=st.sampled_from(
        ["examples_ybr_color.dcm", "JPGLosslessP14SV1_1s_1f_8b.dcm", "US1_J2KI.dcm", "OBXXXX1A_rle.dcm",
         "emri_small_jpeg_ls_lossless.dcm", "gdcm-US-ALOKA-16.dcm"]
    ),
    places=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=20),
)  # fmt: skip
def test_a_damaged_frame_is_a_picture_or_refused(pool: Pool, name: str, places: list[tuple[float, int]]) -> None:
    path = real.named(name)
    facts, whole = examine(path), path.read_bytes()
    assert facts.pixels
    assert facts.frames
    data = bytearray(b"".join(whole[at : at + size] for at, size in facts.frames.ranges(0)))
    for place, value in places:
        data[int(place * len(data))] = value
    table = b"".join(whole[at : at + size] for at, size in facts.pixels.palette.ranges) if facts.pixels.palette else b""
    try:
        answer = pool.run(
            "frame", data=bytes(data), pixels=facts.pixels.to_json(), palette=table, form="webp", max_side=64
        )
    except Invalid:
        return
    assert Image.open(io.BytesIO(answer["body"])).size == (answer["columns"], answer["rows"])
