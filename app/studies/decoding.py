"""The process's pool of decoding children: started with the service, ended with it."""

from app.config import settings
from app.dicom.pool import Pool

_pool: Pool | None = None


def start() -> None:
    """Start the children; twice is once."""
    global _pool  # noqa: PLW0603 - the process has one pool
    if _pool is None:
        _pool = Pool(settings().decode_children)
        _pool.start()


def stop() -> None:
    global _pool  # noqa: PLW0603 - as above
    if _pool is not None:
        _pool.stop()
        _pool = None


def pool() -> Pool:
    start()
    if _pool is None:
        raise RuntimeError("the pool is being stopped")
    return _pool
