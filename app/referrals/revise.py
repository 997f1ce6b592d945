"""Revise a referral: what changed, by whom and when stays readable beside it."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.access.actor import Actor, require
from app.audit import events
from app.db import now
from app.errors import Conflict, Invalid, Sentence
from app.people.models import Organization
from app.referrals.dates import refuse_impossible, today_at
from app.referrals.given import RevisedReferral
from app.referrals.models import Referral, ReferralStatus, Revision
from app.referrals.place import text_columns


def revise(session: Session, actor: Actor, referral: Referral, given: RevisedReferral) -> Revision | None:
    """Change what is given and differs; None when nothing does."""
    require(actor, "referral.send", referral.organization_id)
    if referral.status not in (ReferralStatus.DRAFT, ReferralStatus.ACTIVE):
        raise Conflict(
            Sentence("This referral is {status} and cannot be changed.", status=ReferralStatus(referral.status)),
            status=referral.status,
        )
    if given.obstetric is not None:
        refuse_impossible(None, given.obstetric, today_at(session.get_one(Organization, referral.organization_id)))
    columns = text_columns(given.model_dump(mode="json", exclude_unset=True))
    if "patient_leaves_at" in given.model_fields_set:
        columns["patient_leaves_at"] = given.patient_leaves_at
    _refuse_emptied(referral, columns)
    before = {name: getattr(referral, name) for name in columns}
    changes = {name: [_plain(before[name]), _plain(new)] for name, new in columns.items() if before[name] != new}
    if not changes:
        return None
    for name in changes:
        setattr(referral, name, columns[name])
    referral.version += 1
    referral.updated_at = now()
    revision = Revision(organization_id=referral.organization_id, referral_id=referral.id, version=referral.version,
                        person_id=actor.person_id, changes=changes)  # fmt: skip
    session.add(revision)
    events.record(session, actor, "referral.revised", organization_id=referral.organization_id, entity_id=referral.id,
                  referral_id=referral.id, fields=sorted(changes))  # fmt: skip
    return revision


def _refuse_emptied(referral: Referral, columns: dict[str, object]) -> None:
    """A draft may lack what it is sent for; it may have been sent since somebody wrote in it."""
    if referral.status == ReferralStatus.DRAFT:
        return
    if columns.get("exam_type") == "":
        raise Invalid("Choose what was examined.", field="exam_type")
    if columns.get("question") == "":
        raise Invalid("Write the question that the specialist should answer.", field="question")


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
