"""A critical finding: told at once, open until it was said back, whatever becomes of the report meanwhile."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as campaign
from hypothesis import strategies as st

from app.access.actor import WORKER
from app.audit.events import AuditEvent
from app.cases import asked, attention, desk
from app.cases.asked import Asks
from app.cases.slipped import Kind
from app.db import now, reading, transaction
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.notifications.models import Notification
from app.people.models import Mails, Person, Role
from app.referrals.models import Referral, ReferralStatus
from app.reports import critical, critical_finding
from app.reports.acknowledge import acknowledge
from app.reports.critical import Said
from app.reports.critical_finding import OPEN, TRANSITIONS, CriticalFinding, CriticalStatus
from app.reports.critical_list import DEFAULTS, Grade, offered
from app.reviews import submit
from app.reviews.step import loaded
from tests import people
from tests.people import Places, Somebody
from tests.reports.test_signing import Reading, claimed, told

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


@pytest.fixture
def case(db: object, places: Places) -> Reading:
    return claimed(places)


CALLED = Said(received_by="Sr Achieng", method="telephone")


def raised(who: Somebody, case: Reading, code: str = "ectopic", words: str = "", grade: str = "") -> CriticalFinding:
    with transaction(who.actor) as session:
        review = loaded(session, who.actor, case.review_id)
        return critical.raise_finding(session, who.actor, review, code, words, grade)


def act(who: Somebody, found: CriticalFinding, verb: Any, *given: Any) -> CriticalFinding:
    with transaction(who.actor) as session:
        mine = critical.for_change(session, who.actor, found.id)
        verb(session, who.actor, mine, *given)
        return mine


def lists(who: Somebody) -> list[Kind]:
    with reading(who.actor) as session:
        return [one.kind for one in attention.page(session, who.actor, []).items]


def acknowledged(case: Reading, places: Places) -> ReferralStatus:
    with transaction(places.referrer.actor) as session:
        referral = submit.for_change(session, places.referrer.actor, case.referral.id)
        acknowledge(session, places.referrer.actor, referral, case.report())
        return ReferralStatus(referral.status)


def test_one_press_before_any_word_tells_the_whole_site_at_once(case: Reading, places: Places) -> None:
    second = people.somebody(places.clinic, Role.REFERRER)
    with transaction(WORKER) as session:
        session.get_one(Person, second.id).mails = Mails.DIGEST
    found = raised(places.second_reviewer, case)  # who sees it presses, whoever's case it is
    assert (found.grade, found.status, found.finding) == (
        "immediate",
        "raised",
        "Ruptured or suspected ectopic pregnancy",
    )
    for who in (places.referrer, second):
        assert told(who) == ["critical.raised"]
    with reading(WORKER) as session:
        (mail,) = session.scalars(sa.select(Notification).where(Notification.person_id == second.id))
        event = session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "critical.raised")).one()
    assert mail.mail_status == "queued", "at once, whatever they have chosen"
    assert mail.subject.startswith("CRITICAL")
    assert "ctopic" not in mail.subject + str(event.detail)
    assert told(places.stranger_referrer) == []


def test_a_signed_report_with_one_open_stays_on_both_lists_until_it_was_said_back(
    case: Reading, places: Places
) -> None:  # fmt: skip
    site = people.somebody(places.clinic, Role.COORDINATOR)
    found = raised(places.reviewer, case)
    signed = json.loads(case.sign(case.write()).canonical or "")
    assert [(one["finding"], one["status"]) for one in signed["critical"]] == [(found.finding, "raised")]
    act(places.coordinator, found, critical.communicate, CALLED)
    assert lists(places.coordinator) == [Kind.CRITICAL]
    assert lists(site) == [Kind.CRITICAL]
    with reading(places.reviewer.actor) as session:
        assert [one.id for one, _referral in desk.critical_of(session, places.reviewer.actor)] == [found.id]
    assert acknowledged(case, places) == ReferralStatus.ACTIVE, "read, and not understood yet"
    with reading(places.referrer.actor) as session:
        groups, _next = asked.open_groups(session, places.referrer.actor)
    assert [group.asks for group in groups] == [Asks.CRITICAL]
    done = act(places.referrer, found, critical.read_back, "Free fluid. To theatre.")
    assert (done.status, done.received_by, done.method) == ("read-back", places.referrer.name, "page")
    assert done.communicated_by == places.coordinator.actor.name
    assert lists(places.coordinator) == lists(site) == []
    with reading(WORKER) as session:
        assert session.get_one(Referral, case.referral.id).status == ReferralStatus.COMPLETED
        assert desk.critical_of(session, places.reviewer.actor) == []
    assert told(places.reviewer)[-1] == "critical.read-back"


def test_the_six_fields_are_kept_and_what_cannot_be_is_refused(case: Reading, places: Places) -> None:
    found = raised(places.reviewer, case, code="", words="Foreign body", grade="urgent")
    for said in (
        Said("", "telephone"), Said("Sr Achieng", "pigeon"), Said("Sr Achieng", "page"),
        Said("Sr Achieng", "radio", received_at=now() + timedelta(hours=1)),
    ):  # fmt: skip
        with pytest.raises(Invalid):
            act(places.reviewer, found, critical.communicate, said)
    at = now() - timedelta(minutes=2)
    said = Said("Sr Achieng", "telephone", "Dr Okello", at, is_read_back=True)
    done = act(places.reviewer, found, critical.communicate, said)
    assert (done.finding, done.communicated_by, done.received_by) == ("Foreign body", "Dr Okello", "Sr Achieng")
    assert (done.received_at, done.method, done.status) == (at, "telephone", CriticalStatus.READ_BACK)
    assert done.identified_at
    with pytest.raises(Conflict):
        act(places.referrer, found, critical.read_back, "Again.")
    for code, words, grade in (("no-such", "", ""), ("", "", "urgent"), ("", "A cyst", "perhaps")):
        with pytest.raises(Invalid):
            raised(places.reviewer, case, code, words, grade)


def test_each_act_is_of_its_side_alone(case: Reading, places: Places) -> None:
    for who, refusal in (
        (places.coordinator, Forbidden),
        (places.referrer, NotFound),
        (places.stranger_reviewer, NotFound),
    ):
        with pytest.raises(refusal):
            raised(who, case)
    found = raised(places.reviewer, case)
    with pytest.raises(NotFound):
        act(places.referrer, found, critical.communicate, CALLED)
    with pytest.raises(NotFound):
        act(places.reviewer, found, critical.read_back, "Told.")
    with pytest.raises(NotFound):
        act(places.stranger_referrer, found, critical.read_back, "Told.")
    with reading(WORKER) as session:
        for who, seen in ((places.referrer, 1), (places.reviewer, 1), (places.stranger_reviewer, 0), (places.admin, 0)):
            assert len(critical_finding.listing(session, who.actor)[0]) == seen


def test_what_was_none_is_withdrawn_and_the_site_is_told(case: Reading, places: Places) -> None:
    found = raised(places.reviewer, case)
    with pytest.raises(Invalid):
        act(places.reviewer, found, critical.withdraw, "")
    act(places.reviewer, found, critical.withdraw, "An old cyst.")
    assert told(places.referrer) == ["critical.raised", "critical.withdrawn"]
    assert lists(places.coordinator) == []


def test_any_walk_leaves_it_open_on_the_lists_or_ended_with_who_and_when(case: Reading, places: Places) -> None:
    acts = {
        "communicate": lambda found: act(places.coordinator, found, critical.communicate, CALLED),
        "read-back": lambda found: act(places.referrer, found, critical.read_back, "Understood."),
        "withdraw": lambda found: act(places.reviewer, found, critical.withdraw, "None."),
    }
    assert {name for _status, name in TRANSITIONS} == set(acts)
    assert all(status in OPEN for status, _act in TRANSITIONS), "nothing leaves an end"

    @campaign(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(st.sampled_from(sorted(acts)), max_size=4))
    def walk(names: list[str]) -> None:
        found, status = raised(places.reviewer, case), CriticalStatus.RAISED
        for name in names:
            try:
                acts[name](found)
            except Conflict:
                assert (status, name) not in TRANSITIONS
            else:
                status = TRANSITIONS[status, name]
            kept = by_id(found.id)
            assert kept.status == status
            assert kept.is_open == (kept.ended_at is None) == (kept.ended_by_id is None)
        with reading(WORKER) as session:
            assert (by_id(found.id).is_open) == (found.id in {one.id for one in critical_finding.listing(
                session, places.referrer.actor, limit=200)[0]})  # fmt: skip

    walk()


def by_id(finding_id: UUID) -> CriticalFinding:
    with reading(WORKER) as session:
        return session.get_one(CriticalFinding, finding_id)


def test_an_organization_has_its_own_list_and_what_fits_the_examination_stands_first(
    case: Reading, places: Places
) -> None:
    admin = people.somebody(places.hospital, Role.ADMIN)
    with transaction(admin.actor) as session:
        changed = critical.change_list(
            session, admin.actor, places.hospital, {"malignancy": "urgent", "ectopic": "", "cord": "immediate"},
            [("Hydatid cyst", "urgent")],
        )  # fmt: skip
    by_code = {one.code: one for one in offered(changed)}
    assert len(by_code) == len(DEFAULTS)
    assert by_code["malignancy"].grade == by_code["own-1"].grade == Grade.URGENT
    assert changed.critical_findings["grades"] == {"malignancy": "urgent", "ectopic": ""}
    assert offered(changed, "echo")[0].code == "tamponade"
    with pytest.raises(Invalid):
        raised(places.reviewer, case, "ectopic")
    assert raised(places.reviewer, case, "own-1").finding == "Hydatid cyst"
    for grades, own in (({"no-such": "urgent"}, []), ({"cord": "soon"}, []), ({}, [("", "urgent")])):
        with pytest.raises(Invalid), transaction(admin.actor) as session:
            critical.change_list(session, admin.actor, places.hospital, grades, own)
    with pytest.raises(Forbidden), transaction(places.reviewer.actor) as session:
        critical.change_list(session, places.reviewer.actor, places.hospital, {}, [])
