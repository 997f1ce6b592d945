"""A DICOM clip as a film and a poster, one frame in memory at a time."""

from pathlib import Path
from typing import Any

from app.dicom.colour import shown
from app.dicom.decode import decode
from app.dicom.encoder import Film
from app.dicom.facts import Frames, Pixels
from app.dicom.render import encode

USUAL_FRAME_MS = 1000 / 30  # where the file says nothing; the answer says so
POSTER_SIDE = 1024


def clip(
    *,
    path: str,
    output: str,
    pixels: dict[str, Any],
    frames: dict[str, Any],
    palette: bytes = b"",
    frame_time_ms: float | None = None,
    frame_time_vector_ms: list[float] | None = None,
) -> dict[str, Any]:
    """Write the film to `output`; the poster, its middle frame, comes with the answer."""
    facts, index = Pixels.from_json(pixels), Frames.from_json(frames)
    times_ms = times(index.count, frame_time_ms, frame_time_vector_ms or [])
    columns, rows = facts.columns + facts.columns % 2, facts.rows + facts.rows % 2
    poster: dict[str, Any] = {}
    with open(path, "rb") as file, Film(Path(output), columns, rows) as film:  # noqa: PTH123 - read by ranges
        for number in range(index.count):
            data = b""
            for offset, length in index.ranges(number):
                file.seek(offset)
                data += file.read(length)
            picture = shown(*decode(data, facts), facts, palette, None)
            film.add(picture, times_ms[number])
            if number == index.count // 2:
                poster = encode(picture, "webp", POSTER_SIDE, None)
    return {
        "media_type": "video/mp4", "columns": film.columns, "rows": film.rows, "frames": film.count,
        "duration_ms": round(times_ms[-1], 3), "is_rate_assumed": frame_time_ms is None,
        "poster": poster["body"], "poster_media_type": poster["media_type"],
    }  # fmt: skip


def times(count: int, frame_time_ms: float | None, vector_ms: list[float]) -> list[float]:
    """When each frame begins, and at the end when the last one ends (PS3.3 C.7.6.5.1.2)."""
    step = frame_time_ms or USUAL_FRAME_MS
    found = [0.0]
    for number in range(1, count):
        found.append(found[-1] + (vector_ms[number] if number < len(vector_ms) else step))
    return [*found, found[-1] + step]
