"""Whoever reads a case is told when its files change under them."""

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.db import reading, transaction
from app.notifications.models import Notification
from app.referrals.models import FileStatus
from app.reviews import claim, files, step
from app.reviews.models import Review
from tests import people
from tests.people import Places
from tests.referrals.test_place import submitted
from tests.studies.sent import a_dicom, send

pytestmark = pytest.mark.usefixtures("db")


def told(person: people.Somebody, kind: str) -> int:
    return people.count(Notification, Notification.person_id == person.id, Notification.kind == kind)


def test_all_who_read_are_told_of_a_file_and_its_owner_alone_of_the_next(places: Places) -> None:
    referral, who = submitted(places.referrer), places.referrer
    held = send(who, referral, a_dicom(patient="Someone^Else"), "held.dcm")
    stored = send(who, referral, a_dicom(), "stored.dcm")
    assert (held.status, stored.status) == (FileStatus.HELD, FileStatus.STORED)
    with transaction(who.actor) as session:
        files.confirm(session, who.actor, referral.id, held.id)
    assert [told(one, "file.confirmed") for one in (places.reviewer, places.second_reviewer, who)] == [1, 1, 0]
    with reading(WORKER) as session:
        review_id = session.scalars(sa.select(Review.id).where(Review.referral_id == referral.id)).one()
    with transaction(places.reviewer.actor) as session:
        claim.claim(session, places.reviewer.actor, step.for_reader(session, places.reviewer.actor, review_id))
    for _ in range(2):
        with transaction(who.actor) as session:
            files.withdraw(session, who.actor, referral.id, stored.id, "Wrong file.")
    assert [told(one, "file.withdrawn") for one in (places.reviewer, places.second_reviewer)] == [1, 0]
