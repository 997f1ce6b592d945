"""What must hold after every fault: nothing acknowledged is lost, nothing is half there, nothing is there twice."""

import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.access.actor import WORKER
from app.db import clock, reading
from app.jobs import queue
from app.jobs.timers import Timer
from app.notifications.models import Notification
from app.referrals.models import FileStatus, ManifestItem, Referral, ReferralStatus
from app.reports import chase
from app.reports.models import SIGNED, Report, ReportVersion
from app.reports.verify import verify
from app.reviews import clocks
from app.reviews.models import OPEN, Enclosure, Review, ReviewStatus
from app.storage import blobs, sweep
from app.storage.blobs import PENDING, STORED, Blob
from app.studies.models import Document, Instance, InstanceConflict, Rendition, Study
from app.worker import HANDLERS

Acknowledged = Mapping[str, str]  # file id: SHA-256 of what was sent


def check_invariants(acknowledged: Acknowledged | None = None, *, worker_runs: bool = False) -> None:
    """On the database and store that this process is bound to, once nobody writes to them."""
    if worker_runs:
        wait_until_idle()
    acknowledged_is_there_once(acknowledged or {})
    nothing_is_half_visible()
    every_intent_is_queued_once()
    every_review_has_one_owner_or_waits()
    every_deadline_is_kept()
    every_signature_verifies()
    nothing_is_orphaned()


def wait_until_idle(timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    under_way = ["ENQUEUED", "DELAYED", "PENDING"]
    while queue.client().list_workflows(name=list(HANDLERS), status=under_way, load_input=False, load_output=False):
        assert time.monotonic() < deadline, "jobs that nobody does"
        time.sleep(0.1)


def acknowledged_is_there_once(acknowledged: Acknowledged) -> None:
    with reading(WORKER) as session:
        for file_id, digest in acknowledged.items():
            item = session.get_one(ManifestItem, UUID(file_id))
            assert (item.status, item.sha256) == (FileStatus.STORED, digest)
            same = sa.select(sa.func.count()).where(
                ManifestItem.referral_id == item.referral_id, ManifestItem.sha256 == digest
            )
            assert session.scalar(same) == 1, "the manifest names a file twice"
            holders = [
                *session.scalars(sa.select(Instance).where(Instance.id == item.instance_id)),
                *session.scalars(sa.select(Document).where(Document.id == item.document_id)),
            ]
            (holder,) = holders
            blob = session.get_one(Blob, holder.blob_id)
            assert (blob.state, blob.sha256, blob.size_bytes) == (STORED, digest, item.size_bytes)
            assert sha256(b"".join(blobs.read(blob))).hexdigest() == digest


def nothing_is_half_visible() -> None:
    with reading(WORKER) as session:
        for holder in (Instance, InstanceConflict, Document, Rendition, Enclosure):
            unfit = sa.select(holder.id).join(Blob, Blob.id == holder.blob_id).where(Blob.state != STORED)
            assert list(session.scalars(unfit)) == [], f"{holder.__tablename__} without its bytes"
        unfit = sa.select(Instance.id).join(Blob, Blob.id == Instance.dicom_blob_id).where(Blob.state != STORED)
        assert list(session.scalars(unfit)) == [], "an instance without its DICOM encoding"
        nowhere = sa.select(ManifestItem.id).where(
            ManifestItem.status == FileStatus.STORED, ManifestItem.is_archive.is_(False),
            ManifestItem.instance_id.is_(None), ManifestItem.document_id.is_(None),
        )  # fmt: skip
        assert list(session.scalars(nowhere)) == [], "a file said to be stored, and nowhere"
        unread = sa.select(Referral.id).outerjoin(Review, Review.referral_id == Referral.id)
        unread = unread.where(Referral.status == ReferralStatus.ACTIVE, Review.id.is_(None))
        assert list(session.scalars(unread)) == [], "a referral was sent, and nobody was asked"
        here = sa.select(Review.referral_id).where(
            Review.sent_on_at.is_(None)
        )  # others have given it to another reader
        reviews = Counter(session.scalars(here))
        assert all(number == 1 for number in reviews.values()), "a referral was asked twice"


def every_intent_is_queued_once() -> None:
    """A row that needs work has its job, in whatever state; dbos keeps those that are done for days."""
    jobs = queue.client().list_workflows(name=list(HANDLERS), limit=100_000)
    queued = Counter((job.name, str((job.input or {"args": ("",)})["args"][0])) for job in jobs)
    with reading(WORKER) as session:
        told = Counter(("notifications.mail", str(row)) for row in session.scalars(sa.select(Notification.id)))
        of_signed = sa.select(ReportVersion.report_id).where(ReportVersion.status.in_(SIGNED))
        signed = {("reports.publish", str(row)) for row in session.scalars(of_signed)}
        asked = sa.select(Study.id).where(Study.matched_at.is_not(None))
        behind = {("studies.settle", str(row)) for row in session.scalars(asked)}
    mails = {job: number for job, number in queued.items() if job[0] == "notifications.mail"}
    assert set(told) == set(mails), "a notification without a mail, or a mail without a notification"
    assert signed <= set(queued), "a signed report that nobody publishes"
    assert behind <= set(queued), "a study that nobody settles"


def every_review_has_one_owner_or_waits() -> None:
    owned = (ReviewStatus.ACCEPTED, ReviewStatus.IN_PROGRESS, ReviewStatus.ON_HOLD, ReviewStatus.COMPLETED)
    waiting = (ReviewStatus.REQUESTED, ReviewStatus.RECEIVED)
    with reading(WORKER) as session:
        for review in session.scalars(sa.select(Review)):
            assert review.due_at is not None
            assert review.status not in owned or (review.owner_id and review.owned_at), review.status
            assert review.status not in waiting or review.owner_id is None, review.status


def every_deadline_is_kept() -> None:
    """What is due later has its timer, at that time; what is due no more has been told, or is about to be."""
    with reading(WORKER) as session:
        at = clock(session)
        wound = {(one.subject_id, one.name): one.at for one in session.scalars(sa.select(Timer))}
        for review in session.scalars(sa.select(Review).where(Review.status.in_(OPEN))):
            if review.status == ReviewStatus.ON_HOLD:
                is_kept = review.reply_due_at is not None and review.reply_due_at <= at
                assert is_kept or wound[review.id, clocks.UNANSWERED] == review.reply_due_at
            elif review.due_at > at:
                assert wound[review.id, clocks.DUE] == review.due_at
            if review.mend_by is not None and review.mend_by > at:
                assert wound[review.id, clocks.MEND] == review.mend_by
        unread = sa.select(Report).where(Report.signed_at.is_not(None), Report.acknowledged_at.is_(None))
        for report in session.scalars(unread):
            chased = report.escalated_at or any((report.id, name) in wound for name in (chase.UNREAD, chase.ESCALATE))
            assert chased, "an answer that nobody has read, and nobody asks after"


def every_signature_verifies() -> None:
    query = sa.select(Report).options(selectinload(Report.versions).joinedload(ReportVersion.signature))
    with reading(WORKER) as session:
        reports = list(session.scalars(query))
        done = set(session.scalars(sa.select(Review.id).where(Review.status == ReviewStatus.COMPLETED)))
    for report in reports:
        signed = [version for version in report.versions if version.status in SIGNED]
        for version in signed:
            assert verify(report, version).authentic, verify(report, version).differs
        assert all(version.signature is None for version in report.versions if version not in signed)
        final = any(version.status != "preliminary" for version in signed)
        assert (report.review_id in done) == final, "a review is completed exactly when its report is signed"


def nothing_is_orphaned() -> None:
    """No bytes without a row; none that nobody refers to, once what was begun and dropped has been swept."""
    assert list(sweep.orphans(WORKER)) == []
    while sweep.sweep(WORKER, abandoned_after=timedelta(0)):
        pass
    with reading(WORKER) as session:
        used: set[UUID] = set()
        for holder in (Instance, InstanceConflict, Document, Rendition, ManifestItem, Enclosure):
            used |= set(session.scalars(sa.select(holder.blob_id).where(holder.blob_id.is_not(None))))
        used |= set(session.scalars(sa.select(Instance.dicom_blob_id).where(Instance.dicom_blob_id.is_not(None))))
        kept = {row.id: row.key for row in session.scalars(sa.select(Blob).where(Blob.state == STORED))}
        assert session.scalar(sa.select(sa.func.count()).where(Blob.state == PENDING)) == 0
    assert set(kept) == used, "stored bytes that nobody refers to, or the other way round"
    assert set(blobs.store().keys()) == set(kept.values())
    assert list(sweep.damaged(WORKER)) == []
