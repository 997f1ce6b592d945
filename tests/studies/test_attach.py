"""A study that came by itself finds its referral: by its accession number, or by somebody who says which."""

from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.access.models import Grant
from app.audit.events import AuditEvent
from app.cases import unmatched
from app.cases.candidates import candidates, of_study
from app.db import reading, transaction
from app.errors import Conflict, Forbidden, NotFound
from app.notifications.models import Notification
from app.people.models import Role
from app.referrals.models import Referral
from app.reports import regroup
from app.studies import ingest, match
from app.studies.images import image_list
from app.studies.models import ReferralStudy, Study
from tests import people
from tests.dicom import made
from tests.people import Places, Somebody, count
from tests.referrals.test_place import at_once, placed, submitted
from tests.reports.test_signing import claimed
from tests.studies.sent import a_dicom, arrivals, send

pytestmark = pytest.mark.usefixtures("db")
PETER = {"family_name": "Okoth", "given_name": "Peter", "birth_date": "1985", "identifier": "MRN-2"}


def numbered(accession_number: str, patient: str = "Otieno^Jane") -> bytes:
    """An image whose machine was given this number from a list of work."""
    uid = f"2.25.{uuid4().int}"
    own = {
        0x00080018: made.element(0x00080018, "UI", uid), 0x00080050: made.element(0x00080050, "SH", accession_number),
        0x00100010: made.element(0x00100010, "PN", patient), 0x00100020: made.element(0x00100020, "LO", ""),
        0x0020000D: made.element(0x0020000D, "UI", f"{uid}.1"[:64]),
        0x0020000E: made.element(0x0020000E, "UI", f"{uid}.2"[:64]),
    }  # fmt: skip
    noise = made.element(0x7FE00010, "OB", uid.encode().ljust(1024, b"0")[:1024])
    return made.file(made.picture(32, 32, noise, instead=own), sop_instance=uid.encode())


def alone(places: Places, body: bytes | None = None) -> UUID:
    """The study of an image that came by another door than a referral's."""
    with arrivals(body or a_dicom()) as arrived:
        done = ingest.ingest(places.referrer.actor, places.clinic, arrived)[0]
    assert not isinstance(done, Exception)
    return done.study_id


def attach(who: Somebody, study_id: UUID, referral: Referral, **how: bool) -> None:
    with transaction(who.actor) as session:
        regroup.attach(session, who.actor, study_id, referral.id, **how)


def detach(who: Somebody, study_id: UUID, referral: Referral | None = None) -> None:
    with transaction(who.actor) as session:
        regroup.detach(session, who.actor, study_id, referral.id if referral else None)


def shown(referral: Referral) -> int:
    with reading(WORKER) as session:
        return len(image_list(session, referral.id))


def study(study_id: UUID) -> Study:
    with reading(WORKER) as session:
        return session.get_one(Study, study_id)


def acts(study_id: UUID) -> list[str]:
    with reading(WORKER) as session:
        return list(session.scalars(
            sa.select(AuditEvent.action).where(AuditEvent.entity_id == study_id, AuditEvent.referral_id.is_not(None))
            .order_by(AuditEvent.id)
        ))  # fmt: skip


def test_attached_it_is_read_with_the_referral_and_detached_it_waits_again(places: Places) -> None:
    referral, study_id = submitted(places.referrer), alone(places)
    for _ in range(2):
        attach(places.referrer, study_id, referral)
    assert (shown(referral), study(study_id).patient_id) == (1, referral.patient_id)
    valid = (Grant.study_id == study_id, Grant.valid_to.is_(None))
    assert (count(Grant, *valid), count(Notification, Notification.kind == "file.added")) == (1, 3)
    detach(places.referrer, study_id)
    assert (shown(referral), study(study_id).patient_id, study(study_id).matched_at) == (0, None, None)
    assert count(Grant, *valid) == 0
    attach(places.referrer, study_id, referral)
    assert (shown(referral), count(Grant, *valid)) == (1, 1)
    assert acts(study_id) == ["study.attached", "study.detached", "study.attached"]


def test_images_that_name_another_patient_are_attached_when_somebody_says_that_it_is_the_same(places: Places) -> None:
    referral, study_id = placed(places.referrer), alone(places, a_dicom(patient="Okoth^Peter"))
    with pytest.raises(Conflict, match="another patient") as refused:
        attach(places.referrer, study_id, referral)
    assert (refused.value.field, refused.value.facts["differs"]) == ("same_patient", ["name"])
    attach(places.referrer, study_id, referral, same_patient=True)
    assert shown(referral) == 1


def test_of_two_who_attach_it_to_two_patients_one_wins_and_the_other_is_told(places: Places) -> None:
    study_id = alone(places)
    two = [placed(places.referrer), placed(places.referrer, patient=PETER)]
    chosen = iter(two)
    outcomes = at_once(2, lambda: attach(places.referrer, study_id, next(chosen), same_patient=True))
    assert sorted(type(one).__name__ for one in outcomes) == ["Conflict", "NoneType"], outcomes
    assert sum(map(shown, two)) == 1


def test_what_came_with_a_referral_or_is_signed_is_not_taken_from_it(places: Places) -> None:
    case = claimed(places)
    study_id = alone(places)
    attach(places.referrer, study_id, case.referral)
    case.sign(case.write())
    with pytest.raises(Conflict, match="rests on this"):
        detach(places.referrer, study_id)
    assert shown(case.referral) == 2
    sent = placed(places.referrer)
    item = send(places.referrer, sent, a_dicom())
    with reading(WORKER) as session:
        of_it = session.scalars(sa.select(ReferralStudy.study_id).where(ReferralStudy.referral_id == sent.id)).one()
    with pytest.raises(Conflict, match="sent with the referral"):
        detach(places.referrer, of_it)
    assert item.instance_id


def test_only_its_own_organizations_senders_attach_a_study(places: Places) -> None:
    referral, study_id = submitted(places.referrer), alone(places)
    foreign = submitted(people.somebody(people.organization("Other", read_by=places.hospital), Role.REFERRER))
    for who in (places.stranger_referrer, places.reviewer):
        with pytest.raises(NotFound):
            attach(who, study_id, referral)
    with pytest.raises(NotFound):
        attach(places.referrer, study_id, foreign)
    with pytest.raises(Forbidden):
        attach(people.somebody(places.clinic, Role.REVIEWER), study_id, referral)


@pytest.mark.parametrize("study_first", [True, False])
def test_an_accession_number_matches_where_the_patient_agrees_too(places: Places, study_first: bool) -> None:
    def refer() -> Referral:
        return submitted(places.referrer, accession_number="A-1701")

    referral = None if study_first else refer()
    study_id = alone(places, numbered("A-1701"))
    referral = referral or refer()
    if study_first:
        match.match_referral(str(referral.id))
    else:
        match.match(str(study_id))
    assert (shown(referral), acts(study_id)) == (1, ["study.matched"])


@pytest.mark.parametrize(
    ("patient", "number"), [("Okoth^Peter", "A-1701"), ("", "A-1701"), ("TEST", "A-1701"), ("Otieno^Jane", "A-1702")]
)
def test_a_number_alone_matches_nothing(places: Places, patient: str, number: str) -> None:
    referral = submitted(places.referrer, accession_number="A-1701")
    study_id = alone(places, numbered(number, patient))
    match.match(str(study_id))
    assert (shown(referral), study(study_id).matched_at) == (0, None)


def test_candidates_are_found_by_number_name_and_day_and_say_what_speaks_for_them(places: Places) -> None:
    jane = placed(places.referrer, accession_number="A-9")
    jaine = placed(places.referrer, patient={"family_name": "Otieno", "given_name": "Jaine"})
    placed(places.referrer, patient=PETER)  # of the same day, and nothing else speaks for him
    ended = placed(places.referrer)
    with transaction(WORKER) as session:
        session.execute(sa.update(Referral).where(Referral.id == ended.id).values(status="revoked"))
    study_id = alone(places, numbered("A-9", "OTIENO^JANE^A"))
    with reading(WORKER) as session:
        first, second = candidates(session, of_study(session, session.get_one(Study, study_id)))
    assert (first.referral.id, first.why[:2], first.differs) == (jane.id, ("accession", "name"), [])
    assert (second.referral.id, second.why, second.differs) == (jaine.id, ("name_part", "day"), ["name"])


def test_the_page_of_unmatched_studies_is_the_senders_alone(places: Places) -> None:
    alone(places)

    def seen(who: Somebody) -> tuple[int, int]:
        with reading(who.actor) as session:
            page: Any = unmatched.page(session, who.actor, cursor=None, limit=10)
            return len(page.rows), unmatched.count(session, who.actor)

    assert [seen(who) for who in (places.referrer, places.reviewer, places.stranger_referrer)] == [
        (1, 1),
        (0, 0),
        (0, 0),
    ]
