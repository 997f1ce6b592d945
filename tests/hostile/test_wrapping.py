"""Uploads that are made to break what puts them into DICOM cost that file only, and leave a sound instance or none."""

import io
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from app.dicom import wrap
from app.dicom.admission import examine
from app.dicom.metadata import header
from app.dicom.pool import Pool
from app.errors import Invalid
from tests.dicom import made
from tests.dicom.test_film import recorded
from tests.dicom.wrapped import ABOUT, jpeg, png, scan
from tests.hostile.test_decoders import chunk

pytestmark = [pytest.mark.hostile, pytest.mark.timeout(100)]


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    pool = Pool(2)
    pool.start()
    yield pool
    pool.stop()


@pytest.fixture(autouse=True)
def _the_pool_serves_afterwards(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    yield
    assert wrapped(pool, tmp_path_factory.mktemp("after"), jpeg(scan())).exists()


def wrapped(pool: Pool, folder: Path, body: bytes, act: str = "still_frame") -> Path:
    upload, content, path = folder / "upload", folder / "content", folder / "wrapped.dcm"
    upload.write_bytes(body)
    said = pool.run(act, path=str(upload), output=str(content))
    pieces = (wrap.picture if act == "still_frame" else wrap.clip)(ABOUT, content, said)
    path.write_bytes(b"".join(pieces))
    return path


def test_a_photograph_of_the_largest_size_is_wrapped(pool: Pool, tmp_path: Path) -> None:
    path = wrapped(pool, tmp_path, png(Image.new("RGB", (8_000, 5_000))))
    assert examine(path).columns == 8_000


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_states_more_than_it_has_is_refused_or_small(pool: Pool, tmp_path: Path, progressive: bool) -> None:
    body = made.jpeg_stating(30_000, 30_000, 3)
    with pytest.raises(Invalid):
        wrapped(pool, tmp_path, body.replace(b"\xff\xc0", b"\xff\xc2") if progressive else body)


def test_a_jpeg_of_very_many_scans_ends_in_time(pool: Pool, tmp_path: Path) -> None:
    body = jpeg(scan(512, 512), progressive=True)
    last = body.rindex(b"\xff\xda")
    scans = body[last : body.rindex(b"\xff\xd9")]
    many = body[:last] + scans * 20_000 + b"\xff\xd9"
    try:
        assert examine(wrapped(pool, tmp_path, many)).pixels
    except Invalid:
        return


@pytest.mark.parametrize("bomb", ["zTXt", "iCCP", "eXIf"])
def test_a_png_with_a_bomb_beside_its_pixels_is_refused_or_loses_it(pool: Pool, tmp_path: Path, bomb: str) -> None:
    data = png(Image.new("L", (8, 8)))
    parts = {"zTXt": b"Comment\0\0", "iCCP": b"profile\0\0", "eXIf": b""}
    extra = chunk(bomb.encode(), parts[bomb] + zlib.compress(bytes(200 << 20), 9)) * 8
    try:
        path = wrapped(pool, tmp_path, data[:33] + extra + data[33:])
    except Invalid:
        return
    assert path.stat().st_size < 10_000


UPLOADS = {"jpeg": jpeg(scan()), "progressive": jpeg(scan(), progressive=True), "png": png(Image.fromarray(scan()))}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from([*UPLOADS, "film"]),
    places=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=12),
)
def test_a_damaged_upload_is_a_sound_instance_or_none(
    pool: Pool, tmp_path: Path, kind: str, places: list[tuple[float, int]]
) -> None:
    film = tmp_path / "film"
    if kind == "film" and not film.exists():
        recorded(film)
    data = bytearray(UPLOADS[kind] if kind in UPLOADS else film.read_bytes())
    for place, value in places:
        data[int(place * len(data))] = value
    try:
        path = wrapped(pool, tmp_path, bytes(data), "film_stream" if kind == "film" else "still_frame")
        facts = examine(path)
    except Invalid:
        return
    assert facts.pixels
    assert header(path, facts).text
    assert b"Telephone of Jane" not in path.read_bytes()


def test_a_photograph_that_is_no_photograph_is_refused(pool: Pool, tmp_path: Path) -> None:
    whole = io.BytesIO()
    Image.new("L", (8, 8)).save(whole, "GIF")
    for body in (whole.getvalue(), b"", b"\xff\xd8\xff\xd9", b"\x89PNG\r\n\x1a\n"):
        with pytest.raises(Invalid):
            wrapped(pool, tmp_path, body)
