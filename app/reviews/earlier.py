"""The patient's earlier cases that others read for the same organization: shown to a reader while the review is open."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access import scope
from app.referrals.models import Referral
from app.reviews.models import Review
from app.studies.models import ReferralStudy

MOST = 50  # cases of one patient that a reader looks back on


def show(session: Session, referral: Referral, review: Review) -> None:
    """From now on, until `scope.end` takes it back; twice is once."""
    earlier = (
        sa.select(Referral.id).where(
            Referral.patient_id == referral.patient_id, Referral.organization_id == referral.organization_id,
            Referral.id != referral.id, Referral.submitted_at < referral.submitted_at,
            Referral.reading_organization_id != referral.reading_organization_id,
        ).order_by(Referral.id.desc()).limit(MOST)
    )  # fmt: skip
    ids = list(session.scalars(earlier))
    studies = sa.select(ReferralStudy.study_id).where(ReferralStudy.referral_id.in_(ids)).distinct()
    for referral_id in ids:
        scope.grant(session, referral.reading_organization_id, referral_id=referral_id, review_id=review.id)
    for study_id in session.scalars(studies).all():
        scope.grant(session, referral.reading_organization_id, study_id=study_id, review_id=review.id)
