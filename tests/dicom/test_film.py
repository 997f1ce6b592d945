"""Clips and films play in browsers: the right pictures at the right times, and nothing else of the upload."""

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from app.dicom.admission import examine
from app.dicom.clip import clip, times
from app.dicom.encoder import KEY_FRAME_EVERY, Film
from app.dicom.film import film, probe
from app.dicom.render import frame
from app.errors import Invalid
from tests.dicom import made, real


def pictures(path: Path) -> list[tuple[float, NDArray[Any]]]:
    """(milliseconds, RGB) of every picture of a film."""
    with av.open(str(path)) as container:
        return [((frame.time or 0) * 1000, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


def numbered(number: int, size: tuple[int, int] = (64, 96)) -> NDArray[np.uint8]:
    """A picture whose brightness says which it is."""
    return np.full((*size, 3), 20 + 10 * number, np.uint8)


def from_dicom(path: Path, output: Path, **changed: Any) -> dict[str, Any]:
    facts = examine(path)
    assert facts.pixels
    assert facts.frames
    whole = path.read_bytes()
    palette = (
        b"".join(whole[at : at + size] for at, size in facts.pixels.palette.ranges) if facts.pixels.palette else b""
    )
    given = {
        "path": str(path), "output": str(output), "pixels": facts.pixels.to_json(), "frames": facts.frames.to_json(),
        "palette": palette, "frame_time_ms": facts.frame_time_ms, "frame_time_vector_ms": list(facts.frame_time_vector_ms),
    }  # fmt: skip
    return clip(**(given | changed))


def test_a_real_clip_becomes_a_film_at_its_recorded_rate(tmp_path: Path) -> None:
    output = tmp_path / "film.mp4"
    answer = from_dicom(real.named("color3d_jpeg_baseline.dcm"), output)
    assert (answer["columns"], answer["rows"], answer["frames"]) == (640, 480, 120)
    assert answer["duration_ms"] == pytest.approx(120 * 33.333, abs=1)
    assert not answer["is_rate_assumed"]
    found = pictures(output)
    assert len(found) == 120
    assert found[60][0] == pytest.approx(60 * 33.333, abs=0.1)
    with av.open(str(output)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        keys = [number for number, packet in enumerate(container.demux(stream)) if packet.is_keyframe]
    assert max(np.diff([*keys, 120])) <= KEY_FRAME_EVERY
    assert output.read_bytes().index(b"moov") < output.read_bytes().index(b"mdat")
    assert output.stat().st_size < 700_000


def test_each_picture_of_the_film_is_that_frame_of_the_clip(tmp_path: Path) -> None:
    path, output = real.named("color3d_jpeg_baseline.dcm"), tmp_path / "film.mp4"
    from_dicom(path, output)
    facts, whole, found = examine(path), path.read_bytes(), pictures(output)
    assert facts.pixels
    assert facts.frames
    for number in (0, 59, 119):
        at, size = facts.frames.ranges(number)[0]
        answer = frame(data=whole[at : at + size], pixels=facts.pixels.to_json(), form="png")
        exact = np.asarray(Image.open(io.BytesIO(answer["body"]))).astype(int)
        errors = [np.abs(picture.astype(int) - exact).mean() for _, picture in found[max(0, number - 2) : number + 3]]
        assert min(errors) == errors[min(number, 2)]
        assert min(errors) < 4


def test_uneven_times_are_kept(tmp_path: Path) -> None:
    data = b"".join(numbered(number, (20, 30)).tobytes() for number in range(4))
    vector = made.element(0x00181065, "DS", "0\\40\\100\\20")
    pixel_data = made.element(0x7FE00010, "OB", data)
    path, output = tmp_path / "clip", tmp_path / "film.mp4"
    path.write_bytes(made.file(made.picture(20, 30, pixel_data, samples=3, frames=4, before=[vector])))
    from_dicom(path, output)
    assert [round(time) for time, _ in pictures(output)] == [0, 40, 140, 160]
    assert [round(picture.mean(), -1) for _, picture in pictures(output)] == [20, 30, 40, 50]


def test_a_clip_without_any_rate_says_that_its_rate_is_assumed(tmp_path: Path) -> None:
    answer = from_dicom(real.named("OBXXXX1A_rle_2frame.dcm"), tmp_path / "film.mp4")
    assert answer["is_rate_assumed"]
    assert answer["frames"] == 2


def test_times_follow_the_vector_and_then_the_mean() -> None:
    assert times(3, 40, []) == [0, 40, 80, 120]
    assert times(4, 30, [0, 10, 20, 60]) == [0, 10, 30, 90, 120]
    assert times(4, 30, [0, 10]) == [0, 10, 40, 70, 100]


def test_odd_sizes_keep_their_pixels(tmp_path: Path) -> None:
    data = b"".join(numbered(number, (33, 45)).tobytes() for number in range(3))
    path, output = tmp_path / "clip", tmp_path / "film.mp4"
    path.write_bytes(made.file(made.picture(33, 45, made.element(0x7FE00010, "OB", data + b"\0"), samples=3, frames=3)))
    answer = from_dicom(path, output)
    assert (answer["columns"], answer["rows"]) == (46, 34)


def test_colours_survive(tmp_path: Path) -> None:
    colours = [(250, 20, 20), (20, 250, 20), (20, 20, 250), (240, 240, 240), (0, 0, 0)]
    output = tmp_path / "film.mp4"
    with Film(output, 640, 480) as writer:
        for number, colour in enumerate(colours):
            writer.add(np.full((480, 640, 3), colour, np.uint8), number * 40)
    for (_, picture), colour in zip(pictures(output), colours, strict=True):
        assert np.abs(picture.mean(axis=(0, 1)) - colour).max() < 6


def recorded(path: Path, *, codec: str = "libx264", audio: bool = False, count: int = 30, **metadata: str) -> Path:
    """A film as a telephone or a scanner makes it, its pictures 40 ms apart."""
    with av.open(str(path), "w", format="mp4") as container:
        container.metadata.update(metadata)
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        sound = container.add_stream("aac", rate=8000) if audio else None
        assert sound is None or isinstance(sound, av.AudioStream)
        for number in range(count):
            shot = av.VideoFrame.from_ndarray(numbered(number % 20), "rgb24")
            shot.pts, shot.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(shot))
        container.mux(stream.encode(None))
        if sound is not None:
            noise = av.AudioFrame.from_ndarray(np.random.default_rng(1).random((1, 8000), np.float32), "fltp", "mono")
            noise.sample_rate, noise.pts = 8000, 0
            container.mux(sound.encode(noise))
            container.mux(sound.encode(None))
    return path


def test_a_film_that_browsers_play_is_not_encoded_again(tmp_path: Path) -> None:
    path, output = recorded(tmp_path / "upload", title="Jane Doe", audio=True), tmp_path / "film.mp4"
    assert probe(path=str(path))["has_audio"]
    answer = film(path=str(path), output=str(output))
    assert (answer["columns"], answer["rows"], answer["frames"]) == (96, 64, 30)
    before, after = pictures(path), pictures(output)
    assert all(np.array_equal(one[1], other[1]) for one, other in zip(before, after, strict=True))
    assert b"Jane" not in output.read_bytes()
    assert not probe(path=str(output))["has_audio"]
    assert output.read_bytes().index(b"moov") < output.read_bytes().index(b"mdat")
    assert Image.open(io.BytesIO(answer["poster"])).size == (96, 64)


@pytest.mark.parametrize("codec", ["libx265", "mpeg4"])
def test_a_film_that_browsers_do_not_play_is_encoded(tmp_path: Path, codec: str) -> None:
    path, output = recorded(tmp_path / "upload", codec=codec), tmp_path / "film.mp4"
    answer = film(path=str(path), output=str(output))
    assert answer["frames"] == 30
    assert probe(path=str(output))["codec"] == "h264"
    found = pictures(output)
    assert [round(time) for time, _ in found] == [40 * number for number in range(30)]
    assert abs(found[7][1].mean() - 90) < 5


def test_a_film_held_upright_stands_upright(tmp_path: Path) -> None:
    """The rotation lies in the track header's matrix (ISO 14496-12 8.3.2), where a telephone puts it."""
    path, output = recorded(tmp_path / "upload"), tmp_path / "film.mp4"
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40  # version and flags, times, track, duration, layer, volume
    quarter = [0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000]
    data[matrix : matrix + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in quarter)
    path.write_bytes(bytes(data))
    answer = film(path=str(path), output=str(output))
    assert (answer["columns"], answer["rows"]) == (64, 96)


def test_a_large_film_is_made_smaller_where_that_is_asked(tmp_path: Path) -> None:
    path, output = recorded(tmp_path / "upload"), tmp_path / "film.mp4"
    answer = film(path=str(path), output=str(output), max_side=48)
    assert (answer["columns"], answer["rows"]) == (48, 32)


def encapsulated(tmp_path: Path, stream: bytes, pieces: int) -> Path:
    step = -(-len(stream) // pieces) + 1 & ~1
    fragments = [stream[at : at + step] for at in range(0, len(stream), step)]
    path = tmp_path / "video.dcm"
    data_set = made.picture(64, 96, made.encapsulated(*fragments), samples=3, frames=30, photometric="YBR_PARTIAL_420")
    path.write_bytes(made.file(data_set, made.H264))
    return path


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("container", ["mp4", "mpegts", "h264"])
def test_a_film_inside_dicom_is_played_from_there(tmp_path: Path, container: str, pieces: int) -> None:
    source = recorded(tmp_path / "source").read_bytes()
    stream = source if container == "mp4" else remuxed(tmp_path / "source", container)
    path, output = encapsulated(tmp_path, stream, pieces), tmp_path / "film.mp4"
    facts = examine(path)
    assert facts.pixels
    assert facts.frames
    assert facts.pixels.is_video
    assert facts.number_of_frames == 30
    answer = film(path=str(path), ranges=facts.frames.ranges(0), output=str(output), frame_time_ms=50)
    assert (answer["columns"], answer["rows"], answer["frames"]) == (96, 64, 30)
    step_ms = 50 if container == "h264" else 40  # a container's own times are believed
    assert answer["duration_ms"] == pytest.approx(30 * step_ms, abs=1)
    assert [round(time) for time, _ in pictures(output)] == [number * step_ms for number in range(30)]


def remuxed(source: Path, form: str) -> bytes:
    out = io.BytesIO()
    with av.open(str(source)) as given, av.open(out, "w", format=form) as target:
        stream = target.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(given.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return out.getvalue()


def test_a_broken_picture_within_a_film_is_left_out_like_players_do(tmp_path: Path) -> None:
    path, output = recorded(tmp_path / "upload", codec="mpeg4"), tmp_path / "film.mp4"
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.pos is not None and packet.size]
    data = bytearray(path.read_bytes())
    at = packets[10].pos or 0
    data[at : at + packets[10].size] = b"\xff" * packets[10].size
    path.write_bytes(bytes(data))
    assert 20 <= film(path=str(path), output=str(output))["frames"] <= 30


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def playlist(_data: bytes) -> bytes:
    return b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"


def concatenation(_data: bytes) -> bytes:
    return b"ffconcat version 1.0\nfile /etc/passwd\n"


@pytest.mark.parametrize("change", [cut, playlist, concatenation, lambda data: data.replace(b"avc1", b"xxxx")])
def test_what_is_no_whole_film_is_refused(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    path = recorded(tmp_path / "upload")
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises((Invalid, av.FFmpegError, ValueError, IndexError)):
        film(path=str(path), output=str(tmp_path / "film.mp4"))
