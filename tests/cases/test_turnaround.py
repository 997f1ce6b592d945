"""How long cases take is told by the record: each stage without its pauses, which stand by themselves."""

from datetime import timedelta

import pytest

from app.access.actor import WORKER
from app.audit import events
from app.cases import turnaround
from app.cases.turnaround import Course, Figures, Stage, figures
from app.config import settings
from app.db import now, reading, transaction
from app.errors import Forbidden, NotFound
from app.people.models import Role
from app.referrals.models import Referral
from app.reviews import claim as claiming
from app.reviews import hold as holding
from app.reviews.models import Review
from tests import people
from tests.passing import passes
from tests.people import Places, Somebody
from tests.referrals.test_place import submitted
from tests.reports.test_chase import read
from tests.reports.test_signing import Reading
from tests.reviews.test_clocks import act, review_of
from tests.studies.sent import a_dicom, send

pytestmark = pytest.mark.usefixtures("db")
H = timedelta(hours=1)
NEAR = timedelta(seconds=10)


def answered(places: Places, *, is_asked: bool = True) -> Review:
    """An hour until it is claimed, two of reading around three of waiting for the clinic, four until it is read."""
    case = review_of(submitted(places.referrer).id)
    passes(hours=1)
    act(places.reviewer, case, claiming.claim)
    passes(hours=1)
    if is_asked:
        act(places.reviewer, case, holding.hold, "Long axis?")
        passes(hours=3)
        act(places.referrer, case, holding.reply, "Sent.", [])
    passes(hours=1)
    with reading(WORKER) as session:
        reading_of = Reading(places.reviewer, session.get_one(Referral, case.referral_id), case.id)
    reading_of.sign(reading_of.write())
    passes(hours=4)
    read(places.referrer, reading_of)
    return case


def test_the_last_byte_and_the_first_look_of_a_reader_are_stages_of_their_own(places: Places) -> None:
    case = review_of(submitted(places.referrer).id)
    with reading(WORKER) as session:
        referral = session.get_one(Referral, case.referral_id)
    passes(hours=1)
    send(places.referrer, referral, a_dicom())
    opened(places.referrer, referral)
    passes(hours=1)
    opened(places.reviewer, referral)
    act(places.reviewer, case, claiming.claim)
    reading_of = Reading(places.reviewer, referral, case.id)
    reading_of.sign(reading_of.write())
    passes(hours=1)
    send(places.referrer, referral, a_dicom())  # after signing: another matter
    with reading(WORKER) as session:
        stages = turnaround.of_case(session, case.referral_id).stages()
    wanted = {Stage.ARRIVE: H, Stage.OPEN: 2 * H, Stage.CLAIM: 2 * H}
    assert all(abs(stages[stage] - length) < NEAR for stage, length in wanted.items()), stages
    assert {Stage.ARRIVE, Stage.OPEN} <= {one.stage for one in of(places.coordinator).stages}


def opened(who: Somebody, referral: Referral) -> None:
    with transaction(who.actor) as session:
        events.record_opening(session, who.actor, "referral.opened", organization_id=referral.organization_id,
                              entity_id=referral.id, referral_id=referral.id)  # fmt: skip


def of(who: Somebody, days: int = 30) -> Figures:
    with reading(who.actor) as session:
        until = now() + H
        return turnaround.of_organization(session, who.actor, who.organization_id, until - timedelta(days=days), until)


def test_a_case_s_stages_leave_its_pauses_out(places: Places) -> None:
    case = answered(places)
    with reading(WORKER) as session:
        course = turnaround.of_case(session, case.referral_id)
    wanted = {Stage.CLAIM: H, Stage.READ: 2 * H, Stage.ANSWER: 3 * H, Stage.ACKNOWLEDGE: 4 * H, Stage.PAUSE: 3 * H}
    stages = course.stages()
    assert stages.keys() == wanted.keys()
    assert all(abs(stages[stage] - length) < NEAR for stage, length in wanted.items()), stages


def test_an_organization_sees_its_own_from_either_side_and_whether_they_were_in_time(places: Places) -> None:
    answered(places)
    answered(places, is_asked=False)
    for who in (places.coordinator, places.admin):
        found = of(who)
        assert (found.cases, found.in_time, found.is_cut) == (2, 2, False)
        by_stage = {one.stage: one for one in found.stages}
        assert by_stage[Stage.ANSWER].cases == 2
        assert by_stage[Stage.PAUSE].cases == 1
        assert abs(by_stage[Stage.READ].half - 2 * H) < NEAR
    stranger = of(people.somebody(places.stranger, Role.COORDINATOR))
    assert (stranger.cases, stranger.stages) == (0, [])


def test_what_was_signed_before_is_not_counted(places: Places) -> None:
    answered(places)
    passes(days=40)
    assert of(places.coordinator).cases == 0
    assert of(places.coordinator, days=60).cases == 1


def test_only_the_latest_are_counted_where_there_are_too_many(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    answered(places, is_asked=False)
    answered(places)
    monkeypatch.setattr("app.config._current", settings().model_copy(update={"turnaround_cases": 1}))
    found = of(places.coordinator)
    assert (found.cases, found.is_cut) == (1, True)
    assert Stage.PAUSE in {one.stage for one in found.stages}


def test_who_only_reads_is_not_shown_it_nor_is_another_organization(places: Places) -> None:
    for who, refusal in ((places.reviewer, Forbidden), (places.stranger_reviewer, NotFound)):
        with pytest.raises(refusal), reading(who.actor) as session:
            turnaround.of_organization(session, who.actor, places.hospital, now() - H, now())


def test_half_and_nine_tenths_are_the_nearest_that_happened() -> None:
    at = now()
    courses = [Course(submitted_at=at, claimed_at=at + n * H) for n in range(1, 11)]
    (claimed,) = figures(courses)
    assert (claimed.half, claimed.nine_tenths, claimed.cases) == (5 * H, 9 * H, 10)
    (one,) = figures(courses[:1])
    assert (one.half, one.nine_tenths) == (H, H)
