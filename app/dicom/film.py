"""Uploaded and encapsulated films: what they are, and the same as a film that every browser plays."""

import io
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from app.config import file_limits
from app.dicom.clip import POSTER_SIDE, USUAL_FRAME_MS
from app.dicom.colour import Picture
from app.dicom.encoder import MAX_SIDE, Film
from app.dicom.facts import Range
from app.dicom.refusals import beyond, damaged, sized
from app.dicom.render import encode

Times = Callable[[int, av.VideoFrame], float]
_BARE = ("h264", "hevc", "mpegvideo")  # streams without a container, and so without times
_EASY_PROFILES = {"Baseline", "Constrained Baseline", "Main", "High"}


class Section(io.RawIOBase):
    """Ranges of a file read as one file: an encapsulated stream without a copy."""

    def __init__(self, path: str, ranges: list[Range] | None) -> None:
        self._file = open(path, "rb")  # noqa: PTH123, SIM115 - closed with this object
        self._ranges = ranges or [(0, Path(path).stat().st_size)]
        self._size = sum(length for _, length in self._ranges)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        wanted = self._size - self._at if size < 0 else size
        found, skip = b"", self._at
        for offset, length in self._ranges:
            if skip < length and wanted > len(found):
                self._file.seek(offset + skip)
                found += self._file.read(min(length - skip, wanted - len(found)))
            skip = max(0, skip - length)
        self._at += len(found)
        return found

    def close(self) -> None:
        self._file.close()
        super().close()


def probe(*, path: str, ranges: list[Range] | None = None) -> dict[str, Any]:
    """Size, frames, rate and length, as the container says."""
    with Section(path, ranges) as section, opened(section) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate or stream.guessed_rate
        columns, rows = stream.width, stream.height
        return {
            "columns": columns, "rows": rows, "frames": stream.frames, "rate": float(rate) if rate else None,
            "duration_ms": round(_duration_s(container) * 1000), "codec": stream.codec_context.name,
            "has_audio": bool(container.streams.audio),
        }  # fmt: skip


def film(
    *,
    path: str,
    output: str,
    ranges: list[Range] | None = None,
    max_side: int = MAX_SIDE,
    frame_time_ms: float | None = None,
) -> dict[str, Any]:
    """Write the film to `output`, without sound and metadata: what browsers play is not encoded again.

    `frame_time_ms` is for a bare stream, which has no times of its own."""
    with Section(path, ranges) as section, opened(section) as container:
        poster, turned = _poster(container)
    with Section(path, ranges) as section, opened(section) as container:  # bare streams cannot go back
        if not turned and _plays(container) and max(_size(container)) <= max_side:
            columns, rows, frames, duration_ms = copied(container, Path(output))
        else:
            times_ms = _times_ms(container, frame_time_ms)
            columns, rows, frames, duration_ms = _encoded(container, Path(output), max_side, times_ms)
    return {
        "media_type": "video/mp4", "columns": columns, "rows": rows, "frames": frames,
        "duration_ms": round(duration_ms, 3), "poster": poster["body"],
        "poster_media_type": poster["media_type"],
    }  # fmt: skip


def opened(section: Section) -> av.container.InputContainer:
    """By its own first bytes, and as nothing else: other formats of FFmpeg open further files and addresses."""
    form = _format(section.read(512))
    section.seek(0)
    container = av.open(section, mode="r", format=form, options={"max_streams": "32"})
    if not container.streams.video:
        raise damaged("the film has no pictures")
    if container.streams.video[0].codec_context is None:
        raise damaged("the film is of a kind that Sonopost does not know")
    columns, rows = _size(container)
    if not 0 < columns * rows <= file_limits().max_film_pixels:
        raise beyond(sized("the film has {columns} × {rows} pixels", columns, rows), file_limits().max_film_pixels)
    if _duration_s(container) > file_limits().max_film_s:
        raise beyond("the film has too many seconds", file_limits().max_film_s)
    if container.streams.video[0].frames > file_limits().max_film_frames:
        raise beyond("the film has too many frames", file_limits().max_film_frames)
    container.streams.video[0].thread_type = "SLICE"  # frame threads hold many frames each
    return container


def _format(head: bytes) -> str:
    """FFmpeg's name for what begins like this (PS3.5 8.2.5 to 8.2.10 name containers and streams)."""
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mov"
    if head[:1] == b"\x47" and head[188:189] == b"\x47":
        return "mpegts"
    if head[:4] == b"\0\0\x01\xba":
        return "mpeg"
    if head[:4] == b"\0\0\x01\xb3":
        return "mpegvideo"
    start = head.find(b"\0\0\x01")
    if start < 0 or start > 4 or start + 4 > len(head):
        raise damaged("the film is of a kind that Sonopost does not know")
    # The first unit is a parameter set: HEVC's VPS has type 32 in bits 1 to 6 (ISO 23008-2 7.3.1.2)
    return "hevc" if (head[start + 3] >> 1) & 0x3F in (32, 33, 35) and head[start + 4] == 1 else "h264"


def _size(container: av.container.InputContainer) -> tuple[int, int]:
    stream = container.streams.video[0]
    return stream.width, stream.height


def _duration_s(container: av.container.InputContainer) -> float:
    return container.duration / av.time_base if container.duration else 0.0


def _plays(container: av.container.InputContainer) -> bool:
    """Every browser plays H.264 of these profiles in 8 bits 4:2:0."""
    stream = container.streams.video[0]
    context = stream.codec_context
    is_easy = context.name == "h264" and context.profile in _EASY_PROFILES and context.pix_fmt == "yuv420p"
    return is_easy and container.format.name.startswith("mov")


def _poster(container: av.container.InputContainer) -> tuple[dict[str, Any], int]:
    """The picture half way, of a bare stream the first, and by how much the film is turned."""
    stream = container.streams.video[0]
    if container.format.name.startswith("mov") and stream.duration:
        container.seek((stream.start_time or 0) + stream.duration // 2, stream=stream)
    frame = next(pictures(container), None)
    if frame is None:
        raise damaged("the film has no pictures")
    return encode(_turned(frame), "webp", POSTER_SIDE, None), frame.rotation


def pictures(container: av.container.InputContainer) -> Iterator[av.VideoFrame]:
    size = _size(container)
    for packet in container.demux(container.streams.video[0]):
        try:
            frames = packet.decode()
        except av.InvalidDataError:  # padding, or a broken picture, which players skip too
            continue
        for frame in frames:
            if (frame.width, frame.height) != size:
                raise damaged("the film changes its size")
            yield frame


Written = tuple[int, int, int, float]  # columns, rows, frames, milliseconds


def copied(container: av.container.InputContainer, output: Path) -> Written:
    """The packets as they are in a container of our own: no sound, no place, no title, the index first."""
    source = container.streams.video[0]
    frames = 0
    with av.open(str(output), "w", format="mp4", options={"movflags": "+faststart"}) as target:
        stream = target.add_stream_from_template(source)
        stream.metadata.clear()
        for packet in container.demux(source):
            if packet.dts is None:
                continue
            packet.stream = stream
            target.mux(packet)
            frames += 1
            if frames > file_limits().max_film_frames:
                raise beyond("the film has too many frames", file_limits().max_film_frames)
    return *_size(container), frames, _duration_s(container) * 1000


def _times_ms(container: av.container.InputContainer, frame_time_ms: float | None) -> Times:
    """When a picture is to be seen: by its own time, or in a bare stream by its number."""
    if container.format.name in _BARE:
        step_ms = frame_time_ms or USUAL_FRAME_MS
        return lambda number, _frame: number * step_ms
    return lambda _number, frame: (frame.time or 0.0) * 1000


def _encoded(container: av.container.InputContainer, output: Path, max_side: int, times_ms: Times) -> Written:
    """Picture by picture, each at its own time, turned as it is to be seen."""
    frames = pictures(container)
    first = next(frames, None)
    if first is None:
        raise damaged("the film has no pictures")
    rows, columns = (side + side % 2 for side in _turned(first).shape[:2])
    start_ms, time_ms, step_ms = times_ms(0, first), 0.0, 0.0
    with Film(output, columns, rows, max_side=max_side) as writer:
        for number, frame in enumerate(itertools.chain([first], frames)):
            before_ms, time_ms = time_ms, times_ms(number, frame) - start_ms
            if time_ms > file_limits().max_film_s * 1000:
                raise beyond("the film has too many seconds", file_limits().max_film_s)
            step_ms = time_ms - before_ms
            writer.add(_turned(frame), time_ms)
    return writer.columns, writer.rows, writer.count, time_ms + step_ms


def _turned(frame: av.VideoFrame) -> Picture:
    """RGB as it is to be seen: telephones note how they were held."""
    picture = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    return np.ascontiguousarray(np.rot90(picture, k=frame.rotation // 90))
