"""What is over is forgotten: tries, sign-ins, links, what passkeys were asked, and keys of POSTs that nobody repeats any more."""

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access import tries
from app.access.models import Challenge, IdempotencyKey, Link, SignIn, SignInTry
from app.config import settings
from app.db import now

KEYS_KEPT = timedelta(hours=24)
CHALLENGES_KEPT = timedelta(hours=1)
LINKS_KEPT = timedelta(days=30)  # an administrator may ask what became of an invitation


def forget_old(session: Session) -> int:
    """How many rows went. Harmless at any time and twice: each row here is already without effect."""
    at = now()
    over = (
        (SignInTry, SignInTry.at < at - tries.WINDOW),
        (SignIn, SignIn.expires_at < at),
        (SignIn, SignIn.seen_at < at - timedelta(minutes=settings().session_idle_min)),
        (Challenge, Challenge.expires_at < at - CHALLENGES_KEPT),
        (Link, Link.expires_at < at - LINKS_KEPT),
        (IdempotencyKey, IdempotencyKey.created_at < at - KEYS_KEPT),
    )
    deletes = [sa.delete(model).where(condition) for model, condition in over]
    return sum(session.execute(delete).rowcount for delete in deletes)  # type: ignore[attr-defined]  # it is a CursorResult
