"""Files that are not DICOM: known by how they begin, checked to be whole, their sizes within limits."""

from typing import Literal

from app.config import file_limits
from app.dicom import codestream, exif, limits
from app.dicom.facts import Facts
from app.dicom.refusals import beyond, cut_off, damaged, heic_or_avif, sized
from app.dicom.source import Source

_STILL_IMAGE_BRANDS = (b"heic", b"heix", b"mif1", b"avif", b"msf1", b"hevc")


def jpeg(source: Source) -> Facts | None:
    """SOI, a size, EOI (ISO 10918-1 B.2.1), which telephones let films and previews follow."""
    if source.head[:3] != b"\xff\xd8\xff":
        return None
    size = codestream.jpeg(source.read)
    if not _has_jpeg_end(source, size.header_bytes):
        raise cut_off(source.size)
    return _picture(source, "jpeg", size.rows, size.columns, exif.of_jpeg(source.read))


def _has_jpeg_end(source: Source, start: int) -> bool:
    if source.read(max(start, source.size - 4096), 4096).rstrip(b"\0").endswith(b"\xff\xd9"):
        return True
    at = start
    while at < source.size:
        if b"\xff\xd9" in source.read(at, (1 << 20) + 1):
            return True
        at += 1 << 20
    return False


def png(source: Source) -> Facts | None:
    """IHDR first, IEND at the end (PNG 5.6)."""
    if source.head[:8] != b"\x89PNG\r\n\x1a\n":
        return None
    if source.head[12:16] != b"IHDR":
        raise damaged("it does not say how large it is")
    columns, rows = int.from_bytes(source.head[16:20], "big"), int.from_bytes(source.head[20:24], "big")
    if b"IEND\xaeB`\x82" not in source.read(max(0, source.size - 4096), 4096):
        raise cut_off(source.size)
    return _picture(source, "png", rows, columns, exif.of_png(source.read))


def _picture(source: Source, kind: Literal["jpeg", "png"], rows: int, columns: int, orientation: int | None) -> Facts:
    """Rows and columns are those of the picture as it is shown: on it one measures."""
    if not rows or not columns:
        raise damaged("it holds a picture of no size")
    if rows * columns > file_limits().max_frame_pixels:
        raise beyond(sized("it has {columns} × {rows} pixels", columns, rows), file_limits().max_frame_pixels)
    if orientation is not None and orientation >= 5:
        rows, columns = columns, rows
    return Facts(
        kind=kind, size_bytes=source.size, rows=rows, columns=columns, orientation=orientation, number_of_frames=1
    )


def mp4(source: Source) -> Facts | None:
    """'ftyp' first, every top-level box inside the file, 'moov' among them (ISO 14496-12 4.2)."""
    if source.head[4:8] != b"ftyp":
        return None
    if source.head[8:12] in _STILL_IMAGE_BRANDS:
        raise heic_or_avif()
    at = 0
    names: list[bytes] = []
    while at < source.size:
        head = source.read(at, 16)
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:  # to the end of the file
            length = source.size - at
        if len(head) < 8 or at + length > source.size:
            raise cut_off(source.size, at + max(length, 8))
        if length < 8 or len(names) >= limits.FILM_BOXES:
            raise damaged("its parts are not where they should be")
        names.append(name)
        at += length
    if b"moov" not in names:
        raise cut_off(source.size)
    return Facts(kind="mp4", size_bytes=source.size)


def pdf(source: Source) -> Facts | None:
    """%PDF- at the start, %%EOF near the end (ISO 32000-1 7.5)."""
    if not source.head.startswith(b"%PDF-"):
        return None
    if b"%%EOF" not in source.read(max(0, source.size - limits.PDF_TAIL_BYTES), limits.PDF_TAIL_BYTES):
        raise cut_off(source.size)
    return Facts(kind="pdf", size_bytes=source.size)


def archive(source: Source) -> Facts | None:
    """A local header first, an end of central directory that lies where the directory ends (APPNOTE 4.3)."""
    if source.head[:4] not in (b"PK\x03\x04", b"PK\x05\x06"):
        return None
    start = max(0, source.size - limits.ZIP_TAIL_BYTES)
    tail = source.read(start, limits.ZIP_TAIL_BYTES)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise cut_off(source.size)
    size, offset = (int.from_bytes(tail[at + place : at + place + 4], "little") for place in (12, 16))
    if 0xFFFFFFFF not in (size, offset) and size + offset > start + at:  # else: Zip64 keeps them elsewhere
        raise damaged("its list of files is not where it should be")
    return Facts(kind="zip", size_bytes=source.size)
