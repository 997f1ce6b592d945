"""Another expected date of delivery: who signed or read a report by the one before is told, and who reads an open case."""

import json
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.audit import events
from app.db import reading, transaction
from app.people.models import Organization, Role
from app.referrals import date_pregnancy
from app.referrals.dates import today_at
from app.referrals.given_dating import GivenDating
from app.referrals.models import Referral
from app.referrals.pregnancy import Pregnancy
from app.reports import dated, publish
from app.reports.acknowledge import acknowledge
from app.reviews import claim as claiming
from app.reviews import submit as submitting
from app.reviews.models import Review
from app.reviews.step import loaded
from app.storage.blobs import read
from app.studies import redate
from app.studies.models import Instance, Study
from tests import people
from tests.passing import worked
from tests.people import Places, Somebody
from tests.referrals.test_place import submitted
from tests.reports.test_one_source import pdf_text
from tests.reports.test_signing import Reading, told
from tests.studies.sent import a_dicom, send

KIND = "pregnancy.redated"
BEGUN = date.today() - timedelta(days=150)  # noqa: DTZ011 - far from any day's end
JANE = {"family_name": "Otieno", "given_name": "Jane", "sex": "female", "identifier": "MRN-77"}


def claimed(places: Places, **obstetric: Any) -> Reading:
    said = {"lmp": BEGUN.isoformat(), **obstetric}
    referral = submitted(places.referrer, exam_type="ob-second-trimester", patient=JANE, obstetric=said)
    with transaction(places.reviewer.actor) as session:
        review_id = session.scalars(sa.select(Review.id).where(Review.referral_id == referral.id)).one()
        claiming.claim(session, places.reviewer.actor, loaded(session, places.reviewer.actor, review_id))
    return Reading(places.reviewer, referral, review_id)


def date_anew(who: Somebody, referral: Referral, edd: date, number: int = 1) -> None:
    with transaction(who.actor) as session:
        mine = redate.for_dating(session, who.actor, referral.id)
        redate.by_hand(session, who.actor, mine, GivenDating(basis="stated", edd=edd, number=number))


def source_of(case: Reading) -> dict[str, Any]:
    return dict(json.loads(case.report().versions[-1].canonical or "{}"))


def changed(case: Reading) -> Pregnancy | None:
    with reading(WORKER) as session:
        return dated.changed_since(source_of(case), dated.standing(session, case.referral.id))


def expected(days: int = 0) -> date:
    return BEGUN + timedelta(days=280 + days)


def examined(case: Reading, who: Somebody, study_date: str) -> dict[str, Any]:
    """As it is signed, of an image that names this day."""
    send(who, case.referral, a_dicom())
    with transaction(WORKER) as session:
        session.execute(sa.update(Study).values(study_date=study_date, study_time="140533"))
    case.sign(case.write())
    exam = source_of(case)["exam"]
    return {name: exam[name] for name in ("date", "time", "images_say") if name in exam}


@pytest.fixture
def case(db: object, places: Places) -> Reading:
    return claimed(places)


def test_a_report_is_signed_with_its_date_and_says_when_it_is_another_one(case: Reading, places: Places) -> None:
    case.sign(case.write())
    assert source_of(case)["pregnancy"] == {"edd": expected().isoformat(), "basis": "lmp", "is_certain": True}
    assert changed(case) is None
    date_anew(places.referrer, case.referral, expected(12))
    now_there = changed(case)
    assert now_there
    assert now_there.edd == expected(12)
    assert case.verdict().authentic, "what was signed says what it said"
    with reading(WORKER) as session:
        report = publish.loaded(session, case.report().id)
    before, after = (publish.pdf(WORKER, report, report.versions[0]) for _ in range(2))
    assert before.id == after.id
    assert "EDD changed since" in pdf_text(b"".join(read(before)))
    publish.publish(str(report.id))
    with reading(WORKER) as session:
        filed = session.scalars(sa.select(Instance.sop_instance_uid).where(Instance.report_id == report.id)).all()
    assert len(filed) == 1, "in DICOM it is what it was"
    case.sign(case.write(case.amend().revision))
    assert changed(case) is None


def test_who_signed_and_who_read_is_told_once_and_not_who_changed_it(case: Reading, places: Places) -> None:
    colleague, bystander = (people.somebody(places.clinic, Role.REFERRER) for _ in range(2))
    case.sign(case.write())
    report = case.report()
    with transaction(colleague.actor) as session:
        events.record_opening(session, colleague.actor, "report.opened", organization_id=report.organization_id,
                              entity_id=report.id, referral_id=report.referral_id)  # fmt: skip
        referral = submitting.for_change(session, colleague.actor, case.referral.id)
        acknowledge(session, colleague.actor, referral, report)
    date_anew(places.referrer, case.referral, expected(12))
    assert "reports.redated" in worked(again=True)
    assert [told(who).count(KIND) for who in (places.reviewer, colleague, places.referrer, bystander)] == [1, 1, 0, 0]
    assert KIND not in told(places.stranger_referrer)
    date_anew(places.second_reviewer, case.referral, expected(20), number=2)
    worked()
    assert [told(who).count(KIND) for who in (places.reviewer, colleague, places.referrer)] == [2, 2, 1]


def test_the_reader_of_another_open_case_of_that_pregnancy_is_told_unless_they_changed_it_or_came_later(
    case: Reading, places: Places
) -> None:
    other = claimed(places)
    date_anew(places.second_reviewer, case.referral, expected(12))
    assert worked().count("reports.redated") == 2
    assert told(places.reviewer).count(KIND) == 2, "once a case"
    date_anew(places.reviewer, other.referral, expected(20), number=2)
    later = claimed(places)
    worked()
    assert told(places.reviewer).count(KIND) == 2
    assert later.referral.pregnancy_id is not None


def test_a_date_that_is_only_confirmed_or_set_before_signing_is_no_news(case: Reading, places: Places) -> None:
    date_anew(places.reviewer, case.referral, expected(12))
    case.sign(case.write())
    worked()
    date_anew(places.referrer, case.referral, expected(12), number=2)
    worked()
    assert KIND not in told(places.reviewer) + told(places.referrer)
    assert changed(case) is None


def test_a_report_that_turns_out_to_be_about_another_pregnancy_is_news_too(case: Reading, places: Places) -> None:
    case.sign(case.write())
    other = claimed(places, lmp=(BEGUN - timedelta(days=60)).isoformat())
    with transaction(places.referrer.actor) as session:
        mine = redate.for_dating(session, places.referrer.actor, other.referral.id)
        said = GivenDating(basis="clinic", another=True)
        joined: UUID = redate.by_hand(session, places.referrer.actor, mine, said).id
    with transaction(places.referrer.actor) as session:
        mine = redate.for_dating(session, places.referrer.actor, case.referral.id)
        date_pregnancy.join(session, places.referrer.actor, mine, joined)
    worked()
    assert told(places.reviewer).count(KIND) == 2, "of the signed one and of the one that is being read"
    assert changed(case)


def test_a_report_in_error_says_nothing_any_more(case: Reading, places: Places) -> None:
    case.sign(case.write())
    case.enter_in_error()
    before = told(places.referrer)
    date_anew(places.second_reviewer, case.referral, expected(12))
    worked()
    assert told(places.referrer) == before


def test_a_day_that_a_person_said_is_signed_and_one_that_cannot_be_stands_as_doubted(
    case: Reading, places: Places
) -> None:
    sent = today_at(place(case.referral))
    assert examined(case, places.referrer, "20990101") == {"date": "", "time": "", "images_say": "20990101"}
    with transaction(places.referrer.actor) as session:
        mine = redate.for_dating(session, places.referrer.actor, case.referral.id)
        date_pregnancy.say_day(session, places.referrer.actor, mine, sent - timedelta(days=2))
    case.sign(case.write(case.amend().revision))
    said = source_of(case)["exam"]
    assert (said["date"], said["time"]) == (f"{sent - timedelta(days=2):%Y%m%d}", "")
    assert "images_say" not in said


def test_the_day_of_the_images_is_signed_where_they_can_be_right(case: Reading, places: Places) -> None:
    sent = f"{today_at(place(case.referral)):%Y%m%d}"
    assert examined(case, places.referrer, sent) == {"date": sent, "time": "140533"}


def place(referral: Referral) -> Organization:
    with reading(WORKER) as session:
        return session.get_one(Organization, referral.organization_id)
