"""What the background does: every job's name with its function, and what runs by the clock."""

from app.config import Settings


def start(settings: Settings) -> None:
    """Run jobs in this process until `stop`."""


def stop() -> None:
    """Let running jobs end; what does not, comes again at the next start."""
