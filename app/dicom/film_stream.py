"""An uploaded film as the stream of a DICOM clip: the same pictures, not encoded again, without sound and metadata."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import av

from app.config import file_limits
from app.dicom import syntaxes
from app.dicom.film import Section, copied, opened, pictures
from app.dicom.refusals import beyond, damaged, refused

EVEN_MS = 1.0  # containers round times to their clock: a rate is even when no picture is further from its place
_VECTOR_BYTES = 65_534  # a DS value of explicit VR (PS3.5 7.1.2)
_HIGH, _MAIN, _BASELINE = 100, 77, 66  # profile_idc (ISO 14496-10 A.2)


def film_stream(*, path: str, output: str) -> dict[str, Any]:
    """Write the stream to `output` as an MP4 of its own; Invalid `profile` where DICOM has no transfer syntax for it."""
    with Section(path, None) as section, opened(section) as container:
        first = next(pictures(container), None)
        if first is None:
            raise damaged("the film has no pictures")
        syntax = _syntax(container, first.format.name)
        if first.rotation:
            raise _refused()
    with Section(path, None) as section, opened(section) as container:
        columns, rows, _frames, _ms = copied(container, Path(output))
    is_h264 = syntax in (syntaxes.H264_LEVEL_41, syntaxes.H264_LEVEL_42)
    times_ms = _times_ms(output)
    return {
        "rows": rows, "columns": columns, "samples_per_pixel": 3, "bits": 10 if syntax == syntaxes.HEVC_MAIN_10 else 8,
        "photometric_interpretation": "YBR_PARTIAL_420", "transfer_syntax_uid": syntax,
        "lossy_method": "ISO_14496_10" if is_h264 else "ISO_23008_2",
        "lossy_ratio": len(times_ms) * rows * columns * 3 / Path(output).stat().st_size,
        "frames": len(times_ms), **_timing(times_ms),
    }  # fmt: skip


def _refused() -> Exception:
    return refused("profile", "DICOM has no place for films that are encoded like this one.")


def _syntax(container: av.container.InputContainer, pixel_format: str) -> str:
    """By the configuration record (ISO 14496-15 5.3.3.1, 8.3.3.1): what decoders of these profiles read.

    PS3.5 8.2.7 has H.264 High at level 4.1, 8.2.8 at 4.2, 8.2.10 HEVC Main and 8.2.11 Main 10 at 5.1."""
    context = container.streams.video[0].codec_context
    record = bytes(context.extradata or b"")
    if context.name == "h264" and len(record) > 3 and pixel_format in ("yuv420p", "yuvj420p"):
        profile, constraints, level = record[1], record[2], record[3]
        # Baseline is within Main where constraint_set1 says so (A.2.1)
        if profile in (_HIGH, _MAIN) or (profile == _BASELINE and constraints & 0x40):
            if level <= 41:
                return syntaxes.H264_LEVEL_41
            if level == 42:
                return syntaxes.H264_LEVEL_42
    if context.name == "hevc" and len(record) > 12 and record[12] <= 153:  # level_idc: 30 × 5.1
        wanted = {(1, "yuv420p"): syntaxes.HEVC_MAIN, (2, "yuv420p10le"): syntaxes.HEVC_MAIN_10}
        # general_profile_space and tier are zero in what is meant, so the octet is the profile alone
        if (record[1], pixel_format) in wanted:
            return wanted[record[1], pixel_format]
    raise _refused()


def _times_ms(path: str) -> list[float]:
    """When each picture is to be seen, in that order, without decoding any."""
    with Section(path, None) as section, opened(section) as container:
        stream = container.streams.video[0]
        found = [packet.pts for packet in container.demux(stream) if packet.pts is not None and packet.size]
        step_ms = float(stream.time_base or 0) * 1000
    if not found:
        raise damaged("the film has no pictures")
    if len(found) > file_limits().max_film_frames:
        raise beyond("the film has too many frames", file_limits().max_film_frames)
    return [(at - min(found)) * step_ms for at in sorted(found)]


def _timing(times_ms: list[float]) -> dict[str, Any]:
    """An even rate, or how long after the one before each picture is (PS3.3 C.7.6.5.1.2)."""
    count = len(times_ms)
    step_ms = times_ms[-1] / (count - 1) if count > 1 else 1000 / 30
    if not step_ms:
        raise damaged("the film's pictures are all of one moment")
    if all(abs(at - number * step_ms) <= EVEN_MS for number, at in enumerate(times_ms)):
        return {"frame_time_ms": round(step_ms, 4), "frame_time_vector_ms": []}
    steps = [0.0, *(round(after - before, 1) for before, after in pairwise(times_ms))]
    if sum(len(str(step)) + 1 for step in steps) > _VECTOR_BYTES:
        raise refused("times", "The film's pictures are at uneven times, and too many for DICOM to list.")
    return {"frame_time_ms": round(step_ms, 4), "frame_time_vector_ms": steps}
