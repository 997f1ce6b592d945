"""A worker that is killed in the act of a timer: what the timer is for happens once, by the next process."""

import httpx
import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.audit.events import AuditEvent
from app.db import reading
from app.notifications.models import Notification
from tests.faults.invariants import check_invariants
from tests.faults.mortal import Mortal, clients, drafted, ok, place, sign, when
from tests.passing import passes
from tests.people import Places, Somebody

pytestmark = pytest.mark.timeout(300)  # a restart takes seconds


def told(who: Somebody, kind: str) -> int:
    mine = sa.select(sa.func.count()).where(Notification.person_id == who.id, Notification.kind == kind)
    with reading(WORKER) as session:
        return session.scalar(mine) or 0


def happened(action: str, referral_id: str) -> int:
    with reading(WORKER) as session:
        rows = session.scalars(sa.select(AuditEvent.referral_id).where(AuditEvent.action == action))
        return [str(one) for one in rows].count(referral_id)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_reader_and_coordinator_are_told_once_of_a_deadline(mortal: Mortal, places: Places, moment: str) -> None:
    referrer, reviewer = clients(mortal.base_url, places)
    with referrer, reviewer:
        referral_id = asked(referrer)
        mortal.die_at(f"{moment}:review.overdue")
        passes(hours=5)
        mortal.wait_until_dead()
        mortal.start()
        when(lambda: happened("review.overdue", referral_id))
    check_invariants(worker_runs=True)
    assert happened("review.overdue", referral_id) == 1
    assert told(places.reviewer, "review.overdue") == told(places.coordinator, "review.overdue") == 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_claim_lapses_once(mortal: Mortal, places: Places, moment: str) -> None:
    referrer, reviewer = clients(mortal.base_url, places)
    with referrer, reviewer:
        referral_id = asked(referrer, priority="routine")
        review_id = ok(referrer.get(f"/referrals/{referral_id}"))["review"]["id"]
        ok(reviewer.post(f"/reviews/{review_id}/claim"))
        passes(hours=4)
        when(lambda: told(places.reviewer, "review.lapses"))
        mortal.die_at(f"{moment}:review.lapsed")
        passes(hours=1)
        mortal.wait_until_dead()
        mortal.start()
        when(lambda: happened("review.lapsed", referral_id))
        assert ok(reviewer.get(f"/reviews/{review_id}"))["status"] == "received"
    check_invariants(worker_runs=True)
    assert happened("review.lapsed", referral_id) == 1
    assert told(places.reviewer, "review.lapses") == told(places.reviewer, "review.lapsed") == 1


def test_an_unread_answer_is_sent_again_once_though_the_machine_was_down(mortal: Mortal, places: Places) -> None:
    referrer, reviewer = clients(mortal.base_url, places)
    with referrer, reviewer:
        case = drafted(referrer, reviewer)
        ok(sign(reviewer, case, key="once"))
        mortal.process.kill()
        mortal.process.wait()
        passes(days=3)
        mortal.start()
        when(lambda: told(places.referrer, "report.unread"))
        check_invariants(worker_runs=True)
    assert happened("report.sent-again", case.referral_id) == told(places.referrer, "report.unread") == 1


def asked(referrer: httpx.Client, **changed: object) -> str:
    referral_id = place(referrer, **changed)
    ok(referrer.post(f"/referrals/{referral_id}/submit"))
    return referral_id
