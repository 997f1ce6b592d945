"""THE door: whatever way bytes come, they are examined, stored, recorded in one transaction, then acknowledged."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.audit import events
from app.db import together
from app.dicom.admission import examine
from app.dicom.facts import Facts
from app.dicom.metadata import Header, header
from app.errors import Invalid, Refusal
from app.storage import blobs
from app.storage.blobs import Blob
from app.storage.spool import Spooled
from app.studies import known, whose
from app.studies.numbered import want_match
from app.studies.record import Arrived, Recorded, note_study, record_instances

MEDIA_TYPES = {"dicom": "application/dicom", "jpeg": "image/jpeg", "png": "image/png", "mp4": "video/mp4",
               "pdf": "application/pdf", "zip": "application/zip"}  # fmt: skip
PARALLEL_PUTS = 4


@dataclass(frozen=True)
class Arrival:
    """A complete file in the spool, and what the sender calls it."""

    spooled: Spooled
    name: str = ""


@dataclass(frozen=True)
class Admitted:
    """An arrival that passed the admission check."""

    arrival: Arrival
    facts: Facts
    header: Header | None = None  # made when the study settles where it is not made at once

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.facts.kind]


def admit(arrival: Arrival) -> Admitted:
    """The bounded look at a file before anything trusts it; Invalid says why it is refused."""
    if arrival.spooled.size_bytes == 0:
        raise Invalid("This file is empty.", reason_code="empty")
    return Admitted(arrival, examine(arrival.spooled.path))


def ingest(actor: Actor, organization_id: UUID, arrivals: Sequence[Arrival]) -> list[Recorded | Refusal]:
    """Instances that come without a referral: one outcome an arrival, none failing its neighbours."""
    outcomes: dict[int, Recorded | Refusal] = {}
    admitted: dict[int, Admitted] = {}
    for at, arrival in enumerate(arrivals):
        try:
            admitted[at] = admit_instance(arrival)
        except Refusal as refusal:
            outcomes[at] = refusal
    outcomes |= store(actor, organization_id, admitted)
    return [outcomes[at] for at in range(len(arrivals))]


def admit_instance(arrival: Arrival) -> Admitted:
    """The bounded look at what must be a DICOM instance of a study, and its header."""
    try:
        facts = admit(arrival).facts
    except Invalid as refusal:
        if refusal.facts.get("reason_code") != "unknown":
            raise
        raise _no_instance() from refusal
    if facts.kind != "dicom" or not facts.sop_instance_uid:
        raise _no_instance()
    if not facts.study_instance_uid or not facts.series_instance_uid:
        raise Invalid("This file does not say to which study and series it belongs.", reason_code="identity")
    return Admitted(arrival, facts, header(arrival.spooled.path, facts))


def _no_instance() -> Invalid:
    return Invalid("Only DICOM instances can come without a referral.", reason_code="not-dicom")


def store(actor: Actor, organization_id: UUID, admitted: dict[int, Admitted]) -> dict[int, Recorded | Refusal]:
    """A batch is one `pending` commit, puts in parallel, one record commit; on failure each by itself."""
    if not admitted:
        return {}
    try:
        return {**_store(actor, organization_id, admitted)}
    except Refusal as refusal:
        if len(admitted) == 1:
            return dict.fromkeys(admitted, refusal)
        return {at: _by_itself(actor, organization_id, one) for at, one in admitted.items()}


def put_all(actor: Actor, organization_id: UUID, admitted: Sequence[Admitted]) -> list[Blob]:
    """One `pending` commit, then the bytes, several at a time."""
    rows = blobs.begin(actor, organization_id, [(one.arrival.spooled, one.media_type) for one in admitted])
    if len(rows) == 1:
        blobs.put(rows[0], admitted[0].arrival.spooled)
        return rows
    with ThreadPoolExecutor(PARALLEL_PUTS) as threads:
        list(threads.map(blobs.put, rows, [one.arrival.spooled for one in admitted]))
    return rows


def _store(actor: Actor, organization_id: UUID, admitted: dict[int, Admitted]) -> dict[int, Recorded]:
    here = known.same_bytes(actor, organization_id, [one.facts.sop_instance_uid or "" for one in admitted.values()])
    new = {
        at: one
        for at, one in admitted.items()
        if here.get(one.facts.sop_instance_uid or "") != one.arrival.spooled.sha256
    }
    rows = dict(zip(new, put_all(actor, organization_id, list(new.values())) if new else [], strict=True))
    arrived = [
        Arrived(
            one.facts, one.arrival.spooled.sha256, rows.get(at), one.facts.study_instance_uid or "",
            one.facts.series_instance_uid or "", one.header,
        )
        for at, one in admitted.items()
    ]  # fmt: skip

    def record(session: Session) -> list[Recorded]:
        done = record_instances(session, organization_id, arrived)
        _finish(session, actor, organization_id, arrived, done)
        return done

    return dict(zip(admitted, together(actor, record), strict=True))


def _finish(
    session: Session, actor: Actor, organization_id: UUID, arrived: Sequence[Arrived], done: Sequence[Recorded]
) -> None:
    used = [one.blob for one in done if one.blob is not None]
    if used:
        blobs.record(session, used)
    new = Counter(one.study_id for one in done if one.is_new)
    for study_id, count in sorted(new.items()):
        noted = note_study(session, study_id)
        if noted.patient_id is not None:
            new_here = [
                one.facts for one, row in zip(arrived, done, strict=True) if row.is_new and row.study_id == study_id
            ]
            whose.refuse_others(session, noted, new_here)
        elif noted.accession_number:
            want_match(session, organization_id, study_id, noted.accession_number)
        events.record(
            session, actor, "study.received", organization_id=organization_id, entity_id=study_id, count=count
        )
    for one in done:
        if one.is_conflict and one.blob is not None:  # the same conflict again keeps nothing more
            events.record(
                session, actor, "instance.kept_aside", organization_id=organization_id, entity_id=one.instance_id
            )


def _by_itself(actor: Actor, organization_id: UUID, one: Admitted) -> Recorded | Refusal:
    try:
        return _store(actor, organization_id, {0: one})[0]
    except Refusal as refusal:
        return refusal
