"""Files that are going to come for a referral that is there: from now on everybody sees what is still missing."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.audit import events
from app.db import now
from app.referrals import manifest
from app.referrals.given import GivenFile
from app.referrals.models import ManifestItem, Referral


def expect(session: Session, actor: Actor, referral: Referral, files: Sequence[GivenFile]) -> list[ManifestItem]:
    """A line for each: the one under which it was declared or has arrived, else a new one. Twice is once."""
    expected = [manifest.expect(session, referral, one.name, one.size_bytes, one.sha256, one.priority) for one in files]
    made = sum(is_new for _, is_new in expected)
    if made:
        referral.updated_at = now()
        events.record(session, actor, "file.declared", organization_id=referral.organization_id, entity_id=referral.id,
                      referral_id=referral.id, count=made)  # fmt: skip
    return [item for item, _ in expected]
