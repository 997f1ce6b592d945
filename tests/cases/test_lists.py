"""What a list says of a case counts only what its reader may see."""

from datetime import datetime
from uuid import UUID

import pytest

from app.access.actor import WORKER
from app.cases import desk, lists
from app.config import Settings
from app.db import now, reading, transaction
from app.people.models import ReadingRelation, Role
from app.referrals.models import Referral
from app.reviews.cancel import cancel
from tests import people
from tests.people import Places, Somebody
from tests.referrals.test_place import JANE, submitted

pytestmark = pytest.mark.usefixtures("db")


def test_earlier_cases_that_another_organization_reads_are_counted_only_while_the_review_is_open(
    places: Places,
) -> None:
    elsewhere = people.organization("Another hospital")
    with transaction(WORKER) as session:
        session.add(ReadingRelation(organization_id=places.clinic, reading_organization_id=elsewhere))
    other_reader = people.somebody(elsewhere, Role.REVIEWER)
    mine = [submitted(places.referrer, patient=JANE, reading_organization_id=places.hospital) for _ in range(2)][-1]
    theirs = submitted(places.referrer, patient=JANE, reading_organization_id=elsewhere)
    # What came later and goes elsewhere is not shown to whom it was not sent.
    assert [earlier(reader, case) for reader, case in (
        (places.reviewer, mine), (other_reader, theirs), (places.referrer, mine),
    )] == [1, 2, 2]  # fmt: skip
    with transaction(places.referrer.actor) as session:
        cancel(session, places.referrer.actor, session.get_one(Referral, theirs.id), "Sent twice.")
    assert earlier(other_reader, theirs) == 0


def earlier(reader: Somebody, case: Referral) -> int:
    """How many earlier cases this reader is shown beside this one."""
    with reading(reader.actor) as session:
        referral = session.get_one(Referral, case.id)
        shown = desk.priors(session, reader.actor, referral)
        assert lists.numbers(session, reader.actor, [referral])[referral.id].prior_count == len(shown)
    return len(shown)


def test_a_script_is_told_of_a_change_once_all_earlier_ones_are_committed(
    db: Settings, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL an earlier time may be committed later; SQLite has one writer."""
    before = now()
    case = submitted(places.referrer)

    def found(since: datetime | None) -> list[UUID]:
        with reading(places.referrer.actor) as session:
            page = lists.search(session, places.referrer.actor, external_identifier=None, updated_after=since,
                                cursor=None, limit=50)  # fmt: skip
        return [line.referral.id for line in page.lines]

    monkeypatch.setattr("app.config._current", db.model_copy(update={"poll_behind_s": 60}))
    assert found(None) == [case.id]
    assert found(before) == ([] if "postgres" in db.database_url else [case.id])
    monkeypatch.setattr("app.config._current", db.model_copy(update={"poll_behind_s": 0}))
    assert found(before) == [case.id]
