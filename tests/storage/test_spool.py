"""Where bytes wait: counted, hashed, limited, and gone when they do not arrive whole."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from app import config
from app.config import Settings, settings
from app.errors import TooLarge, Unavailable
from app.storage import spool
from app.storage.spool import BATCH_BYTES, Spooled, drain, spooled_copy


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path) -> Iterator[None]:
    before = config._current
    config.load(data_dir=tmp_path, max_file_bytes=3 * BATCH_BYTES)
    spool._writers = None  # of the event loop that made it
    yield
    config._current = before
    spool._writers = None


def left() -> list[Path]:
    return list(settings().spool_dir.iterdir())


def drained(chunks: AsyncIterator[bytes], declared: int | None = None) -> Spooled:
    """On an event loop of its own thread: the browser of another test may hold this one's."""
    with start_blocking_portal() as portal:
        return portal.call(drain, chunks, declared)


async def stream(*chunks: bytes, fails: bool = False) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if fails:
        raise ConnectionResetError


@pytest.mark.parametrize("chunks", [(), (b"",), (b"a",), (b"x" * BATCH_BYTES,), (b"ab" * 1000,) * 600])
def test_a_body_is_counted_and_hashed_while_it_comes(chunks: tuple[bytes, ...]) -> None:
    spooled = drained(stream(*chunks))
    body = b"".join(chunks)
    assert spooled.path.read_bytes() == body
    assert (spooled.size_bytes, spooled.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    spooled.discard()
    spooled.discard()
    assert left() == []


def test_a_body_that_is_cut_off_leaves_nothing() -> None:
    with pytest.raises(ConnectionResetError):
        drained(stream(b"x" * BATCH_BYTES, b"y", fails=True))
    assert left() == []


def test_a_body_that_grows_too_large_is_refused_while_it_comes() -> None:
    with pytest.raises(TooLarge, match="MB"):
        drained(stream(*[b"x" * BATCH_BYTES] * 4))
    assert left() == []


def test_a_body_that_says_it_is_too_large_is_refused_before_a_byte_is_taken() -> None:
    taken = []

    async def watched() -> AsyncIterator[bytes]:
        taken.append(1)
        yield b"x"

    with pytest.raises(TooLarge):
        drained(watched(), 3 * BATCH_BYTES + 1)
    assert taken == []


def test_room_is_asked_for_before_it_is_taken(tmp_path: Path) -> None:
    config.load(data_dir=tmp_path, min_free_disk_bytes=1 << 60)
    with pytest.raises(Unavailable) as refused:
        drained(stream(b"x"), 1)
    assert refused.value.disk_full
    assert left() == []


def test_a_copy_is_gone_after_the_block_whatever_happens() -> None:
    with spooled_copy(iter([b"ab", b"c"]), 10) as spooled:
        assert spooled.path.read_bytes() == b"abc"
    with pytest.raises(TooLarge), spooled_copy(iter([b"ab", b"c"]), 2):
        pass
    assert left() == []


def test_the_spool_lies_on_the_folder_stores_own_file_system(tmp_path: Path) -> None:
    folder = Settings(data_dir=tmp_path / "a", storage_url=f"file:{tmp_path / 'elsewhere'}")
    assert folder.spool_dir == tmp_path / "elsewhere" / ".spool"
    assert Settings(data_dir=tmp_path / "a", storage_url="s3://bucket/p").spool_dir == tmp_path / "a" / "spool"
