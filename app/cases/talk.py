"""The conversation of a case: what was said with which files, what is new to its reader, and who has seen it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.cases.case import Case
from app.notifications.inbox import seen_by
from app.reviews.models import Message


@dataclass(frozen=True)
class Named:
    """A file by the name that its sender gave it, and where the reading room shows it."""

    name: str
    sight: str | None


@dataclass(frozen=True)
class Said:
    message: Message
    files: list[Named]
    is_new: bool
    seen_by: list[tuple[str, datetime]]  # of the last thing that was said


def talk(session: Session, who: Actor, case: Case, unread_since: datetime | None) -> list[Said]:
    """In order; `unread_since` is when the reader was first told of what they had not opened."""
    last = case.messages[-1] if case.messages else None
    seen = seen_by(session, case.referral.id, last.at, but=who.person_id) if last else []
    # Somebody is told a moment after it was said.
    new = max((one.at for one in case.messages if unread_since and one.at <= unread_since), default=None)
    return [
        Said(one, _named(case, one), new is not None and one.at >= new and one.person_id != who.person_id,
             seen if one is last else [])
        for one in case.messages
    ]  # fmt: skip


def _named(case: Case, message: Message) -> list[Named]:
    files = {str(one.id): one for one in case.files}
    found = [files[file_id] for file_id in message.file_ids if file_id in files]
    return [
        Named(
            one.name, str(one.instance_id) if one.instance_id else f"{one.document_id}-1" if one.document_id else None
        )
        for one in found
    ]
