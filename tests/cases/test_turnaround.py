"""How long cases take is told by the record: each stage without its pauses, which stand by themselves."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.audit import events
from app.cases import turnaround
from app.cases.turnaround import Course, Figures, Stage, figures
from app.config import Settings, settings
from app.db import now, reading, transaction
from app.errors import Forbidden, NotFound
from app.notifications import mail
from app.notifications.inbox import mark_case_read
from app.notifications.models import Notification
from app.people.models import Role
from app.referrals.models import Referral
from app.reviews import claim as claiming
from app.reviews import hold as holding
from app.reviews.models import Review
from tests import people
from tests.notifications.test_mail import mailing
from tests.passing import passes
from tests.people import Places, Somebody
from tests.referrals.test_place import submitted
from tests.reports.test_chase import read
from tests.reports.test_signing import Reading
from tests.reviews.test_clocks import act, review_of
from tests.servers.smtp import Mailbox
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


def signed(places: Places, *, preliminary: bool = False) -> Reading:
    """An answer within an hour of the question."""
    case = review_of(submitted(places.referrer).id)
    act(places.reviewer, case, claiming.claim)
    passes(hours=1)
    with reading(WORKER) as session:
        made = Reading(places.reviewer, session.get_one(Referral, case.referral_id), case.id)
    made.sign(made.write(), preliminary=preliminary)
    return made


def stages(answer: Reading) -> dict[Stage, timedelta]:
    with reading(WORKER) as session:
        return turnaround.of_case(session, answer.referral.id).stages()


def looked_at(who: Somebody, answer: Reading) -> None:
    """As every door writes down that a report was opened."""
    with transaction(who.actor) as session:
        report = answer.report()
        events.record_opening(session, who.actor, "report.opened", organization_id=report.organization_id,
                              entity_id=report.id, referral_id=report.referral_id)  # fmt: skip


def test_the_clinic_has_the_answer_once_somebody_of_it_opens_it(places: Places) -> None:
    answer = signed(places)
    passes(hours=1)
    looked_at(places.reviewer, answer)  # who wrote it has not brought it anywhere
    looked_at(people.somebody(places.clinic, Role.REVIEWER), answer)
    looked_at(places.stranger_referrer, answer)
    assert Stage.DELIVER not in stages(answer)
    passes(hours=2)
    looked_at(places.referrer, answer)
    passes(hours=1)
    read(places.referrer, answer)
    taken = stages(answer)
    assert abs(taken[Stage.DELIVER] - 3 * H) < NEAR
    assert abs(taken[Stage.ACKNOWLEDGE] - 4 * H) < NEAR
    assert Stage.DELIVER in {one.stage for one in of(places.coordinator).stages}


def test_a_preliminary_answer_is_a_stage_of_its_own_and_what_became_of_it_is_not_the_final_one_s(
    places: Places,
) -> None:
    colleague = people.somebody(places.clinic, Role.REFERRER)
    answer = signed(places, preliminary=True)
    looked_at(places.referrer, answer)
    with transaction(places.referrer.actor) as session:
        mark_case_read(session, places.referrer.id, answer.referral.id)
    passes(hours=2)
    assert stages(answer).keys() == {Stage.CLAIM, Stage.PRELIMINARY}
    answer.sign(answer.write())
    passes(hours=1)
    taken = stages(answer)
    assert abs(taken[Stage.PRELIMINARY] - H) < NEAR
    assert abs(taken[Stage.ANSWER] - 3 * H) < NEAR
    assert not {Stage.NOTIFY, Stage.DELIVER} & taken.keys()
    looked_at(colleague, answer)
    assert abs(stages(answer)[Stage.DELIVER] - H) < NEAR


def test_the_clinic_is_told_when_its_mail_is_accepted_and_not_when_it_is_written(
    places: Places, db: Settings, mailbox: Mailbox
) -> None:
    answer = signed(places)
    passes(hours=2)
    assert Stage.NOTIFY not in stages(answer)
    with reading(WORKER) as session:
        (waiting,) = session.scalars(sa.select(Notification.id).where(Notification.kind == "report.signed"))
    with mailing(db, mailbox.url):
        mail.send_mail(str(waiting))
    mailbox.wait_for(1)
    passes(hours=1)
    with transaction(places.referrer.actor) as session:
        mark_case_read(session, places.referrer.id, answer.referral.id)
    assert abs(stages(answer)[Stage.NOTIFY] - 2 * H) < NEAR


def test_where_no_mail_goes_the_clinic_is_told_by_the_page_that_it_opens(places: Places) -> None:
    answer = signed(places)
    with reading(WORKER) as session:
        waiting = session.scalars(sa.select(Notification.id)).all()
    for each in waiting:
        mail.send_mail(str(each))
    passes(hours=3)
    assert Stage.NOTIFY not in stages(answer)
    with transaction(places.reviewer.actor) as session:
        mark_case_read(session, places.reviewer.id, answer.referral.id)
    assert Stage.NOTIFY not in stages(answer)
    with transaction(places.referrer.actor) as session:
        mark_case_read(session, places.referrer.id, answer.referral.id)
    assert abs(stages(answer)[Stage.NOTIFY] - 3 * H) < NEAR


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
    wanted = {Stage.CLAIM: H, Stage.READ: 2 * H, Stage.ANSWER: 3 * H, Stage.DELIVER: 4 * H, Stage.ACKNOWLEDGE: 4 * H,
              Stage.PAUSE: 3 * H}  # fmt: skip
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
