"""An uploaded film becomes the stream of a clip: the same pictures, nothing else of the upload, at its true times."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames

from app.dicom import syntaxes
from app.dicom.admission import examine
from app.dicom.film import film
from app.dicom.film_stream import film_stream
from app.errors import Invalid
from tests.dicom.test_film import numbered, pictures, recorded
from tests.dicom.wrapped import film_instance


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def encoded(path: Path, times: Sequence[int], codec: str = "libx264", **options: str) -> Path:
    """A film whose pictures begin at these milliseconds."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=30)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 96, 64, options.pop("pix_fmt", "yuv420p")
        stream.codec_context.options = options
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number, at in enumerate(times):
            shot = av.VideoFrame.from_ndarray(numbered(number % 20), "rgb24")
            shot.pts, shot.time_base = at, Fraction(1, 1000)
            container.mux(stream.encode(shot))
        container.mux(stream.encode(None))
    return path


def streamed(folder: Path, path: Path) -> dict[str, object]:
    return film_stream(path=str(path), output=str(folder / "stream"))


def turned(path: Path) -> Path:
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    quarter = [0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000]
    data[matrix : matrix + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in quarter)
    path.write_bytes(bytes(data))
    return path


def test_the_pictures_of_a_film_are_in_the_clip_bit_for_bit(tmp_path: Path) -> None:
    source = recorded(tmp_path / "upload", audio=True, title="Telephone of somebody", comment="+03.1+035.6")
    path = film_instance(tmp_path, source)
    ds, facts = pydicom.dcmread(path), examine(path)
    assert ds.SOPClassUID == "1.2.840.10008.5.1.4.1.1.3.1"
    assert ds.file_meta.TransferSyntaxUID == syntaxes.H264_LEVEL_41
    assert (ds.NumberOfFrames, ds.FrameTime, ds.CineRate) == (30, 40, 25)
    assert ds[ds.FrameIncrementPointer].keyword == "FrameTime"
    assert (ds.Rows, ds.Columns, ds.PhotometricInterpretation) == (64, 96, "YBR_PARTIAL_420")
    assert facts.frames
    assert facts.pixels
    assert facts.pixels.is_video
    ((at, length),) = facts.frames.ranges(0)
    (tmp_path / "inside.mp4").write_bytes(path.read_bytes()[at : at + length])
    assert packets(tmp_path / "inside.mp4") == packets(source)
    found = zip(pictures(tmp_path / "inside.mp4"), pictures(source), strict=True)
    assert all(np.array_equal(inside[1], outside[1]) for inside, outside in found)
    assert len(list(generate_frames(ds.PixelData, number_of_frames=1))) == 1


def test_sound_place_and_title_are_not_in_the_clip(tmp_path: Path) -> None:
    source = recorded(tmp_path / "upload", audio=True, title="Telephone of somebody", comment="+03.1+035.6")
    data = film_instance(tmp_path, source).read_bytes()
    assert not [trace for trace in (b"Telephone", b"+03.1", b"soun", b"mp4a") if trace in data]


@pytest.mark.parametrize(
    ("codec", "options", "syntax"),
    [
        ("libx264", {"profile": "high", "level": "4.1"}, syntaxes.H264_LEVEL_41),
        ("libx264", {"profile": "main"}, syntaxes.H264_LEVEL_41),
        ("libx264", {"profile": "baseline"}, syntaxes.H264_LEVEL_41),
        ("libx264", {"level": "4.2"}, syntaxes.H264_LEVEL_42),
        ("libx265", {"x265-params": "log-level=none"}, syntaxes.HEVC_MAIN),
        ("libx265", {"x265-params": "log-level=none", "pix_fmt": "yuv420p10le"}, syntaxes.HEVC_MAIN_10),
    ],
)
def test_profile_and_level_choose_the_transfer_syntax(
    tmp_path: Path, codec: str, options: dict[str, str], syntax: str
) -> None:
    source = encoded(tmp_path / "upload", range(0, 400, 40), codec, **options)
    assert streamed(tmp_path, source)["transfer_syntax_uid"] == syntax
    assert packets(tmp_path / "stream") == packets(source)


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"level": "5.1"}),
        ("libx264", {"pix_fmt": "yuv422p"}),
        ("libx264", {"pix_fmt": "yuv444p"}),
        ("mpeg4", {}),
        ("libvpx-vp9", {}),
    ],
)
def test_what_dicom_has_no_place_for_is_refused_and_its_film_for_browsers_is_not(
    tmp_path: Path, codec: str, options: dict[str, str]
) -> None:
    source = encoded(tmp_path / "upload", range(0, 400, 40), codec, **options)
    with pytest.raises(Invalid) as refused:
        streamed(tmp_path, source)
    assert refused.value.facts["reason_code"] == "profile"
    if options.get("level") != "5.1":  # that one plays in browsers as it is
        film(path=str(source), output=str(tmp_path / "film.mp4"))
        assert streamed(tmp_path, tmp_path / "film.mp4")["frames"] == 10


def test_a_film_held_upright_is_refused_as_it_is_and_its_film_for_browsers_stands(tmp_path: Path) -> None:
    source = turned(recorded(tmp_path / "upload"))
    with pytest.raises(Invalid):
        streamed(tmp_path, source)
    film(path=str(source), output=str(tmp_path / "film.mp4"))
    said = streamed(tmp_path, tmp_path / "film.mp4")
    assert (said["columns"], said["rows"]) == (64, 96)


def test_uneven_times_are_listed_one_by_one(tmp_path: Path) -> None:
    """PS3.3 C.7.6.5.1.2: the first one is 0."""
    times = [0, 40, 80, 200, 233, 300, 301 + 20, 400, 480, 500]
    ds = pydicom.dcmread(film_instance(tmp_path, encoded(tmp_path / "upload", times)))
    assert ds[ds.FrameIncrementPointer].keyword == "FrameTimeVector"
    assert [round(float(step)) for step in ds.FrameTimeVector] == [0, *np.diff(times)]
    assert "FrameTime" not in ds
    facts = examine(tmp_path / "wrapped.dcm")
    assert facts.frame_time_vector_ms[3] == pytest.approx(120, abs=0.2)


def test_times_rounded_to_the_containers_clock_are_an_even_rate(tmp_path: Path) -> None:
    times = [round(number * 1000 / 30) for number in range(60)]
    said = streamed(tmp_path, encoded(tmp_path / "upload", times))
    assert said["frame_time_vector_ms"] == []
    assert said["frame_time_ms"] == pytest.approx(33.33, abs=0.02)


@pytest.mark.parametrize("cut", [0.2, 0.9])
def test_half_a_film_is_no_clip(tmp_path: Path, cut: float) -> None:
    source = recorded(tmp_path / "upload")
    source.write_bytes(source.read_bytes()[: int(source.stat().st_size * cut)])
    with pytest.raises((Invalid, av.FFmpegError, ValueError, IndexError)):
        streamed(tmp_path, source)
