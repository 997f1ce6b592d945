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
from tests import people
from tests.people import Places
from tests.referrals.test_place import JANE, submitted

pytestmark = pytest.mark.usefixtures("db")


def test_a_case_that_another_organization_reads_is_not_counted_among_the_earlier_ones(places: Places) -> None:
    elsewhere = people.organization("Another hospital")
    with transaction(WORKER) as session:
        session.add(ReadingRelation(organization_id=places.clinic, reading_organization_id=elsewhere))
    other_reader = people.somebody(elsewhere, Role.REVIEWER)
    mine = [submitted(places.referrer, patient=JANE, reading_organization_id=places.hospital) for _ in range(2)][-1]
    theirs = submitted(places.referrer, patient=JANE, reading_organization_id=elsewhere)
    for reader, case, earlier in ((places.reviewer, mine, 1), (other_reader, theirs, 0), (places.referrer, mine, 2)):
        with reading(reader.actor) as session:
            referral = session.get_one(Referral, case.id)
            assert lists.numbers(session, reader.actor, [referral])[referral.id].prior_count == earlier
            assert len(desk.priors(session, reader.actor, referral)) == earlier


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
