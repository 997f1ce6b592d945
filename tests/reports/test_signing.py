"""Signing freezes what was shown; what is changed afterwards, by whatever way, is seen."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.access.login import Proof
from app.db import new_id, now, reading, transaction
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.notifications.models import Notification
from app.people.models import Organization, Patient
from app.referrals.models import Referral, ReferralStatus
from app.reports import amend as amending
from app.reports import draft as drafting
from app.reports import publish
from app.reports.acknowledge import acknowledge
from app.reports.draft import GivenDraft
from app.reports.models import Acknowledgement, Report, ReportVersion, Signature, VersionStatus
from app.reports.sign import sign
from app.reports.source import canonical, sha256_of
from app.reports.verify import Verdict, verified, verify
from app.reviews import claim as claiming
from app.reviews import submit as submitting
from app.reviews.cancel import cancel
from app.reviews.decline import decline
from app.reviews.hold import hold
from app.reviews.models import Review, ReviewStatus
from app.reviews.step import loaded
from app.storage.blobs import read
from app.studies.images import images_of, instances_of
from app.studies.models import Instance
from tests.dicom.machine_report import obstetric, report
from tests.faults.invariants import check_invariants
from tests.people import Places, Somebody, count, proof
from tests.referrals.test_place import at_once, submitted
from tests.studies.sent import a_dicom, send
from tests.web.cases import raw_data, without_picture

TEXT = GivenDraft(findings="Stones.", impression="Gallstones.", recommendation="Surgeon.")


class Reading(NamedTuple):
    """A case that a reviewer has claimed."""

    reader: Somebody
    referral: Referral
    review_id: UUID

    def write(self, revision: int | None = None, **changed: Any) -> ReportVersion:
        with transaction(self.reader.actor) as session:
            review = loaded(session, self.reader.actor, self.review_id)
            given = TEXT.model_copy(update=changed)
            return drafting.save(session, self.reader.actor, review, given, revision)

    def sign(self, draft: ReportVersion, who: Somebody | None = None, **how: Any) -> ReportVersion:
        actor = (who or self.reader).actor
        with transaction(actor) as session:
            review = loaded(session, actor, self.review_id)
            return sign(session, actor, review, proof=proof(actor), revision=draft.revision,
                        images_sha256=draft.images_sha256, **how)  # fmt: skip

    def amend(self, kind: Any = "amended", reason: str = "A second look.") -> ReportVersion:
        with transaction(self.reader.actor) as session:
            review = loaded(session, self.reader.actor, self.review_id)
            report = drafting.report_of(session, review)
            assert report
            return amending.amend(session, self.reader.actor, review, report, kind, reason)

    def enter_in_error(self, reason: str = "Wrong patient.") -> None:
        with transaction(self.reader.actor) as session:
            review = loaded(session, self.reader.actor, self.review_id)
            report = drafting.report_of(session, review)
            assert report
            amending.enter_in_error(session, self.reader.actor, review, report, reason)

    def report(self) -> Report:
        with reading(WORKER) as session:
            review = session.get_one(Review, self.review_id)
            report = drafting.report_of(session, review)
        assert report
        return report

    def verdict(self, version: int = 1) -> Verdict:
        report = self.report()
        return verify(report, next(one for one in report.versions if one.version == version))


@pytest.fixture
def case(db: object, places: Places) -> Reading:
    return claimed(places)


def claimed(places: Places) -> Reading:
    """With one image."""
    referral = submitted(places.referrer)
    send(places.referrer, referral, a_dicom())
    with transaction(places.reviewer.actor) as session:
        review_id = session.scalars(sa.select(Review.id).where(Review.referral_id == referral.id)).one()
        claiming.claim(session, places.reviewer.actor, loaded(session, places.reviewer.actor, review_id))
    return Reading(places.reviewer, referral, review_id)


def told(who: Somebody) -> list[str]:
    with reading(WORKER) as session:
        mine = sa.select(Notification.kind).where(Notification.person_id == who.id).order_by(Notification.id)
        return list(session.scalars(mine))


def test_signing_freezes_text_images_and_signer_and_completes_the_review(case: Reading, places: Places) -> None:
    signed = case.sign(case.write())
    assert signed.signature
    assert (signed.status, signed.sha256) == (VersionStatus.FINAL, signed.signature.sha256)
    source = json.loads(signed.canonical or "")
    assert source["impression"] == "Gallstones."
    assert source["signature"]["printed_name"] == places.reviewer.name
    assert len(source["images"]) == 1
    with reading(WORKER) as session:
        assert session.get_one(Review, case.review_id).status == ReviewStatus.COMPLETED
    assert told(places.referrer) == ["report.signed"]
    assert case.verdict().authentic
    check_invariants()


def test_of_eight_signatures_at_once_one_is_made(case: Reading, places: Places) -> None:
    draft = case.write()
    outcomes = at_once(8, lambda: case.sign(draft))
    assert sorted(type(one).__name__ for one in outcomes) == ["Conflict"] * 7 + ["ReportVersion"], outcomes
    assert count(Signature) == 1
    assert told(places.referrer) == ["report.signed"]
    check_invariants()


def test_of_eight_first_drafts_at_once_one_is_made_and_the_others_are_told(case: Reading) -> None:
    outcomes = at_once(8, case.write)
    assert sorted(type(one).__name__ for one in outcomes) == ["Conflict"] * 7 + ["ReportVersion"], outcomes
    assert (count(Report), count(ReportVersion)) == (1, 1)


def test_of_eight_savings_at_once_one_is_kept_and_the_others_see_it(case: Reading) -> None:
    first = case.write()
    texts = iter([f"Text {number}" for number in range(8)])
    outcomes = at_once(8, lambda: case.write(first.revision, findings=next(texts)))
    kept = [one for one in outcomes if isinstance(one, ReportVersion)]
    assert len(kept) == 1, outcomes
    for refusal in (one for one in outcomes if one is not kept[0]):
        assert refusal.facts["current"]["findings"] == kept[0].findings


def test_a_save_and_a_signature_at_once_sign_what_was_shown_or_nothing(case: Reading) -> None:
    draft = case.write()
    turns = iter([True, False])
    at_once(2, lambda: case.sign(draft) if next(turns) else case.write(draft.revision, findings="Late words."))
    (version,) = case.report().versions
    if version.status == VersionStatus.FINAL:
        assert version.findings == "Stones."
    else:
        assert (version.findings, version.signature) == ("Late words.", None)
    check_invariants()


def test_an_image_that_was_not_shown_is_not_signed(case: Reading, places: Places) -> None:
    draft = case.write()
    send(places.referrer, case.referral, a_dicom(), "late.dcm")
    with pytest.raises(Conflict, match="Images came or went") as refused:
        case.sign(draft)
    assert refused.value.facts["image_count"] == 2
    assert case.sign(case.write(draft.revision)).status == VersionStatus.FINAL


def test_a_text_that_was_not_shown_is_not_signed(case: Reading) -> None:
    shown = case.write()
    case.write(shown.revision, impression="Something else.")
    with pytest.raises(Conflict) as refused:
        case.sign(shown)
    assert refused.value.facts["stale"]
    assert count(Signature) == 0


def test_an_empty_impression_is_not_signed(case: Reading) -> None:
    with pytest.raises(Invalid) as refused:
        case.sign(case.write(impression=""))
    assert refused.value.field == "impression"


def test_only_the_owner_signs(case: Reading, places: Places) -> None:
    draft = case.write()
    with pytest.raises(Conflict, match=places.reviewer.name):
        case.sign(draft, places.second_reviewer)
    with pytest.raises(Forbidden):
        case.sign(draft, places.coordinator)
    for who in (places.stranger_reviewer, places.referrer):
        with pytest.raises(NotFound):
            case.sign(draft, who)
    assert count(Signature) == 0


def test_signing_twice_is_refused_and_changes_nothing(case: Reading) -> None:
    draft = case.write()
    signed = case.sign(draft)
    with pytest.raises(Conflict):
        case.sign(draft)
    with pytest.raises(Conflict, match="signed"):
        case.write(draft.revision, findings="Later.")
    assert case.report().versions[0].sha256 == signed.sha256


def test_a_preliminary_reading_is_signed_again_as_final(case: Reading) -> None:
    preliminary = case.sign(case.write(), preliminary=True)
    assert (preliminary.status, preliminary.version) == (VersionStatus.PRELIMINARY, 1)
    with reading(WORKER) as session:
        assert session.get_one(Review, case.review_id).status == ReviewStatus.IN_PROGRESS
    final = case.sign(case.write())
    assert (final.status, final.version) == (VersionStatus.FINAL, 2)
    assert [case.verdict(1).replaced_by, case.verdict(2).replaced_by] == [2, None]
    check_invariants()


def test_a_change_is_a_new_version_and_the_old_one_stays_as_it_was_signed(case: Reading, places: Places) -> None:
    first = case.sign(case.write())
    for kind, status in (("corrected", VersionStatus.CORRECTED), ("appended", VersionStatus.APPENDED)):
        opened = case.amend(kind)
        assert opened.impression.startswith("Gallstones")
        assert opened.reason == "A second look."
        assert case.sign(case.write(opened.revision, impression=f"Gallstones, {kind}.")).status == status
    versions = case.report().versions
    assert [one.status for one in versions] == [VersionStatus.FINAL, VersionStatus.CORRECTED, VersionStatus.APPENDED]
    assert (versions[0].sha256, versions[0].impression) == (first.sha256, "Gallstones.")
    assert [case.verdict(number).authentic for number in (1, 2, 3)] == [True] * 3
    assert [case.verdict(number).current for number in (1, 2, 3)] == [False, False, True]
    assert told(places.referrer) == ["report.signed", "report.amended", "report.amended"]
    check_invariants()


def test_of_eight_amendments_at_once_one_draft_is_opened(case: Reading) -> None:
    case.sign(case.write())
    outcomes = at_once(8, case.amend)
    assert {type(one) for one in outcomes} <= {ReportVersion, Conflict}, outcomes
    assert len({one.id for one in outcomes if isinstance(one, ReportVersion)}) == 1
    assert count(ReportVersion) == 2


def test_entered_in_error_stays_readable_and_says_so(case: Reading, places: Places) -> None:
    case.sign(case.write())
    with transaction(places.reviewer.actor) as session:
        review = loaded(session, places.reviewer.actor, case.review_id)
        report = drafting.report_of(session, review)
        assert report
        with pytest.raises(Invalid):
            amending.enter_in_error(session, places.reviewer.actor, review, report, "")
        for _ in range(2):
            amending.enter_in_error(session, places.reviewer.actor, review, report, "Another patient's.")
    verdict = case.verdict()
    assert (verdict.authentic, verdict.current, verdict.status) == (True, False, VersionStatus.ENTERED_IN_ERROR)
    assert told(places.referrer) == ["report.signed", "report.entered-in-error"]
    assert case.report().versions[0].impression == "Gallstones."


def test_acknowledging_twice_is_once_and_a_new_version_is_read_anew(case: Reading, places: Places) -> None:
    case.sign(case.write())

    def read_it() -> None:
        with transaction(places.referrer.actor) as session:
            referral = submitting.for_change(session, places.referrer.actor, case.referral.id)
            review = session.get_one(Review, case.review_id)
            report = drafting.report_of(session, review)
            assert report
            acknowledge(session, places.referrer.actor, referral, report)

    assert at_once(4, read_it) == [None] * 4
    assert count(Acknowledgement) == 1
    with reading(WORKER) as session:
        assert session.get_one(Referral, case.referral.id).status == ReferralStatus.COMPLETED
    opened = case.amend()
    case.sign(case.write(opened.revision))
    assert case.report().acknowledged_at is None
    read_it()
    assert count(Acknowledgement) == 2


def change(row: type[Any], *where: Any, **values: Any) -> None:
    """As somebody with the database's password would."""
    with transaction(WORKER) as session:
        session.execute(sa.update(row).where(*where).values(**values).execution_options(synchronize_session=False))


ATTACKS: dict[str, tuple[Callable[[Reading, Places], None], str]] = {
    "edit the text": (lambda _c, _p: change(ReportVersion, impression="Normal."), "impression"),
    "edit what was signed as well": (lambda c, _p: rewrite(c, lambda s: s.update(impression="Normal.")), "text"),
    "edit text and digests": (
        lambda c, _p: rewrite(c, lambda s: s.update(impression="Normal."), with_digests=True), "seal"),
    "swap images and digests": (
        lambda c, _p: rewrite(c, lambda s: s.update(images=[]), with_digests=True), "seal"),
    "forge how it was proven": (lambda _c, _p: change(Signature, method="passkey"), "seal"),
    "another proof": (lambda _c, _p: change(Signature, proof_id=new_id()), "seal"),
    "swap the images": (
        lambda _c, _p: change(ReportVersion, images=[{"id": "x", "sha256": "0" * 64}]), "images"),
    "move the signature": (lambda c, _p: move_signature(c), "signature"),
    "backdate": (
        lambda _c, _p: change(Signature, signed_at=now() - timedelta(days=30)), "signed_at"),
    "another signer's name": (lambda _c, p: change(Signature, printed_name=p.second_reviewer.name), "signer"),
    "another signer": (lambda _c, p: change(Signature, person_id=p.second_reviewer.id), "signer"),
    "append": (
        lambda _c, _p: change(ReportVersion, findings=ReportVersion.findings + " And more."), "findings"),
    "delete a part": (lambda _c, _p: change(ReportVersion, recommendation=""), "recommendation"),
    "renumber": (lambda _c, _p: change(ReportVersion, version=7), "version"),
    "give it a kind": (lambda _c, _p: change(ReportVersion, kind="corrected"), "kind"),
    "give it a reason": (lambda _c, _p: change(ReportVersion, reason="Was wrong."), "reason"),
    "say it was preliminary": (
        lambda _c, _p: change(ReportVersion, status="preliminary"), "status"),
    "mean something else": (lambda _c, _p: change(Signature, meaning="Preliminary reading"), "meaning"),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_on_a_signature_is_seen(case: Reading, places: Places, attack: str) -> None:
    case.sign(case.write())
    assert case.verdict().differs == []
    attacked, seen = ATTACKS[attack]
    attacked(case, places)
    report = case.report()
    verdict = verify(report, report.versions[0])
    assert not verdict.authentic
    assert seen in verdict.differs


def rewrite(case: Reading, how: Callable[[dict[str, Any]], None], *, with_digests: bool = False) -> None:
    """As an attacker who knows how digests are made, with or without making them anew."""
    source = json.loads(case.report().versions[0].canonical or "")
    how(source)
    text = canonical(source)
    change(ReportVersion, canonical=text if with_digests else json.dumps(source), impression=source["impression"],
           findings=source["findings"], images=source["images"])  # fmt: skip
    if with_digests:
        change(ReportVersion, sha256=sha256_of(text))
        change(Signature, sha256=sha256_of(text))


def move_signature(case: Reading) -> None:
    """Onto a draft that nobody signed; what was signed loses it."""
    with transaction(WORKER) as session:
        draft = ReportVersion(organization_id=case.referral.organization_id, report_id=case.report().id, version=2,
                              author_id=case.reader.id, images=[], images_sha256="0" * 64)  # fmt: skip
        session.add(draft)
        session.flush()
        session.execute(sa.update(Signature).values(report_version_id=draft.id))


def test_one_proof_signs_one_report_of_its_person_and_not_later(case: Reading, places: Places) -> None:
    """Reuse of a re-authentication."""
    proven, other = proof(places.reviewer.actor), claimed(places)

    def sign_by(given: Proof, which: Reading) -> None:
        draft = which.write()
        with transaction(places.reviewer.actor) as session:
            review = loaded(session, places.reviewer.actor, which.review_id)
            sign(session, places.reviewer.actor, review, proof=given, revision=draft.revision,
                 images_sha256=draft.images_sha256)  # fmt: skip

    sign_by(proven, case)
    with pytest.raises(Conflict, match="signed a report already"):
        sign_by(proven, other)
    for given in (
        proof(places.second_reviewer.actor),
        replace(proof(places.reviewer.actor), at=now() - timedelta(hours=1)),
    ):
        with pytest.raises(Invalid):
            sign_by(given, claimed(places))
    assert count(Signature) == 1


def test_what_nobody_signed_replaces_nothing_and_what_is_taken_away_is_missed(case: Reading) -> None:
    case.sign(case.write())
    first = case.report()
    with transaction(WORKER) as session:
        forged = ReportVersion(organization_id=first.organization_id, report_id=first.id, version=2, status="amended",
                               author_id=case.reader.id, images=[], images_sha256="0" * 64, impression="Normal.")  # fmt: skip
        session.add(forged)
    assert (case.verdict(1).replaced_by, case.verdict(1).current) == (None, True)
    assert case.verdict(2).differs == ["signature"]
    with transaction(WORKER) as session:
        session.execute(sa.delete(ReportVersion).where(ReportVersion.id == forged.id))
    opened = case.amend()
    case.sign(case.write(opened.revision, impression="None."))
    with transaction(WORKER) as session:
        session.execute(sa.delete(Signature).where(Signature.report_version_id == opened.id))
        session.execute(sa.delete(ReportVersion).where(ReportVersion.id == opened.id))
        session.execute(sa.update(Report).values(version=1, status="final"))
    with reading(WORKER) as session:
        verdict = verified(session, case.report(), case.report().versions[0])
    assert (verdict.authentic, verdict.current, verdict.differs) == (False, False, ["versions"])


def test_an_image_that_is_another_than_was_signed_is_seen(case: Reading) -> None:
    case.sign(case.write())
    with reading(WORKER) as session:
        assert verified(session, case.report(), case.report().versions[0]).authentic
    change(Instance, sha256="f" * 64)
    with reading(WORKER) as session:
        assert verified(session, case.report(), case.report().versions[0]).differs == ["images"]


def test_deleting_a_signature_is_seen(case: Reading) -> None:
    case.sign(case.write())
    with transaction(WORKER) as session:
        session.execute(sa.delete(Signature))
    assert case.verdict().differs == ["signature"]


def test_what_happens_around_a_signed_report_does_not_change_it(case: Reading) -> None:
    """Names of organizations and patients change; what was signed says what it said."""
    case.sign(case.write())
    change(Organization, name="Renamed")
    change(Patient, family_name="Married")
    change(Instance, acquired="20200101")
    assert case.verdict().authentic


def test_every_signed_version_gets_its_pdf(case: Reading, places: Places) -> None:
    case.sign(case.write())
    report_id = case.report().id
    publish.publish(str(report_id))
    publish.publish(str(report_id))
    opened = case.amend()
    case.sign(case.write(opened.revision))
    publish.publish(str(report_id))
    with reading(WORKER) as session:
        report = publish.loaded(session, report_id)
    for version in report.versions:
        assert b"".join(read(publish.pdf(WORKER, report, version))).startswith(b"%PDF-")
    check_invariants()


def end(places: Places, case: Reading, act: str) -> None:
    """The review leaves the states in which its reader may sign."""
    if act == "cancel":
        with transaction(places.referrer.actor) as session:
            referral = submitting.for_change(session, places.referrer.actor, case.referral.id)
            cancel(session, places.referrer.actor, referral, "Went elsewhere.")
        return
    with transaction(places.reviewer.actor) as session:
        review = loaded(session, places.reviewer.actor, case.review_id)
        if act == "hold":
            hold(session, places.reviewer.actor, review, "Long axis?")
        else:
            decline(session, places.reviewer.actor, review, "No.", "Repeat.")


@pytest.mark.parametrize("act", ["cancel", "hold", "decline"])
@pytest.mark.parametrize("preliminary", [True, False])
def test_nothing_is_signed_in_a_case_that_ended_or_waits(
    case: Reading, places: Places, act: str, preliminary: bool
) -> None:
    draft = case.write()
    end(places, case, act)
    with pytest.raises(Conflict):
        case.sign(draft, preliminary=preliminary)
    assert count(Signature) == 0


def test_a_change_of_a_signed_report_is_no_preliminary_reading(case: Reading) -> None:
    case.sign(case.write())
    opened = case.write(case.amend().revision)
    with pytest.raises(Conflict):
        case.sign(opened, preliminary=True)
    assert case.sign(opened).status == VersionStatus.AMENDED


# On SQLite a door that writes holds the only write lock from its first look on.
on_postgresql = pytest.mark.parametrize(
    "column", [pytest.param("postgresql+s3", marks=pytest.mark.postgres)], indirect=True
)


@on_postgresql
def test_a_text_saved_after_the_door_looked_is_not_signed_unseen(case: Reading) -> None:
    draft = case.write()
    with transaction(case.reader.actor) as session:
        review = loaded(session, case.reader.actor, case.review_id)
        assert drafting.open_draft(drafting.report_of(session, review))
        case.write(draft.revision, findings="Something else.")
        with pytest.raises(Conflict) as refused:
            sign(session, case.reader.actor, review, proof=proof(case.reader.actor), revision=draft.revision,
                 images_sha256=draft.images_sha256)  # fmt: skip
        current = refused.value.facts["current"]
        assert isinstance(current, dict)
        assert current["findings"] == "Something else."
        session.rollback()
    assert count(Signature) == 0


@on_postgresql
def test_a_version_signed_after_the_door_looked_is_not_taken_for_read(case: Reading, places: Places) -> None:
    case.sign(case.write())
    actor = places.referrer.actor
    with transaction(actor) as session:
        report = drafting.report_of(session, session.get_one(Review, case.review_id))
        assert report
        case.sign(case.write(case.amend().revision))
        referral = submitting.for_change(session, actor, case.referral.id)
        with pytest.raises(Conflict, match="newer version"):
            acknowledge(session, actor, referral, report, seen=1)
        session.rollback()
    assert case.report().acknowledged_at is None


def test_a_report_entered_in_error_is_a_change_of_its_case_and_reading_that_answers_nothing(
    case: Reading, places: Places
) -> None:
    case.sign(case.write())
    signed_at = case.report().signed_at
    with transaction(places.reviewer.actor) as session:
        review = loaded(session, places.reviewer.actor, case.review_id)
        amending.enter_in_error(session, places.reviewer.actor, review, case.report(), "Another patient's.")
    with transaction(places.referrer.actor) as session:
        referral = submitting.for_change(session, places.referrer.actor, case.referral.id)
        assert signed_at
        assert referral.updated_at > signed_at
        acknowledge(session, places.referrer.actor, referral, case.report())
        assert referral.status == ReferralStatus.ACTIVE


def test_a_machines_report_is_no_image_of_what_a_report_rests_on(case: Reading, places: Places) -> None:
    send(places.referrer, case.referral, report(obstetric()), "sr.dcm")
    signed = case.sign(case.write())
    source = json.loads(signed.canonical or "")
    assert (source["exam"]["images"], source["seen"]["total"], source["seen"]["not_opened"]) == (1, 1, 1)
    assert len(signed.images) == 1
    assert case.verdict().authentic
    with reading(WORKER) as session:
        assert len(instances_of(session, case.referral.id)) == 2
        assert len(images_of(session, case.referral.id)) == 1


def test_a_picture_that_cannot_be_shown_counts_as_one_that_was_not_opened(case: Reading, places: Places) -> None:
    send(places.referrer, case.referral, without_picture(), "wanting.dcm")
    send(places.referrer, case.referral, raw_data(), "raw.dcm")  # which is none
    source = json.loads(case.sign(case.write()).canonical or "")
    assert (source["exam"]["images"], source["seen"]["total"], source["seen"]["not_opened"]) == (2, 2, 2)
