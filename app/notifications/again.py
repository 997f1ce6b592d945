"""Send a mail again that was refused, once somebody has put right what was wrong."""

from uuid import UUID

from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.audit import events
from app.errors import NotFound
from app.jobs.queue import enqueue
from app.notifications.models import FAILED, QUEUED, Notification


def send_again(session: Session, actor: Actor, notification_id: UUID) -> None:
    """Of two at once one does; a mail that did not fail is nothing that could be sent again."""
    mine = actor.organizations_for("attention.own")
    waiting = session.get(Notification, notification_id, with_for_update=True)
    if waiting is None or waiting.organization_id not in mine or waiting.mail_status != FAILED:
        raise NotFound
    waiting.mail_status, waiting.mail_reason = QUEUED, ""
    enqueue(session, "notifications.mail", waiting.id)
    events.record(session, actor, "mail.sent-again", organization_id=waiting.organization_id, entity_id=waiting.id,
                  referral_id=waiting.referral_id)  # fmt: skip
