"""A study that came by itself finds its referral by the accession number, if the files also name the referral's patient."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from app.access.actor import WORKER
from app.db import transaction
from app.referrals.models import Referral
from app.studies import attach, whose
from app.studies.models import Study
from app.studies.numbered import numbered

MOST = 100  # studies under one accession number


def match(study_id: str) -> None:
    """The job `studies.match`."""
    with transaction(WORKER) as session:
        study = session.get(Study, UUID(study_id))
        if study is not None:
            _try(session, study)


def match_referral(referral_id: str) -> None:
    """The job `studies.match_referral`: what came before the referral of its number."""
    with transaction(WORKER) as session:
        referral = session.get_one(Referral, UUID(referral_id))
        waiting = sa.select(Study).where(
            Study.organization_id == referral.organization_id, Study.accession_number == referral.accession_number,
            Study.matched_at.is_(None),
        )  # fmt: skip
        for study in session.scalars(waiting.order_by(Study.id).limit(MOST)):
            _try(session, study)


def _try(session: Session, study: Study) -> None:
    """What is not certain is left for somebody to decide: an accession number is typed, too."""
    if not study.accession_number:
        return
    found = numbered(study.organization_id, study.accession_number).options(joinedload(Referral.patient))
    referral = session.scalars(found.with_for_update(of=Referral, key_share=True)).one_or_none()
    if referral is None:
        return
    attach.lock(session, study.id)
    session.refresh(study, attribute_names=["matched_at"])
    if study.matched_at is None and whose.is_certainly(session, study.id, referral.patient):
        attach.join(session, referral, study.id)
        attach.record(session, WORKER, "study.matched", referral, study.id, by="accession number")
