"""STOW-RS (PS3.18 10.5): instances come as a stream, and are answered for one by one."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from app.access.actor import Actor, sends_for
from app.dicomweb.addresses import instance_url, study_url
from app.dicomweb.answers import dicom_json
from app.dicomweb.metadata_parts import assembled
from app.dicomweb.parts import Part, Parts, drain, media_type
from app.errors import Conflict, Forbidden, Invalid, NotFound, Refusal, Unavailable
from app.http.actor import Acting
from app.http.description import BINARY
from app.http.limits import content_length
from app.http.problems import DoorRefusal
from app.storage.spool import Spooled
from app.studies import ingest
from app.studies.ingest import Admitted, Arrival
from app.studies.record import Recorded

BATCH = 100  # instances a pending and a record commit
DICOM, DICOM_JSON = "application/dicom", "application/dicom+json"
OUT_OF_RESOURCES, MISMATCH, CANNOT_UNDERSTAND, DUPLICATE, NOT_AUTHORIZED = 0xA700, 0xA900, 0xC000, 0x0111, 0x0124
_BODY = {"requestBody": {"required": True, "content": {
    'multipart/related; type="application/dicom"': {"schema": BINARY}, DICOM: {"schema": BINARY},
    'multipart/related; type="application/dicom+json"': {"schema": BINARY},
}}}  # fmt: skip
_REFERENCED = {"00081150": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.6.1"]}}
_STORED = {"schema": {"type": "object", "examples": [{"00081199": {"vr": "SQ", "Value": [_REFERENCED]}}]}}
_SAYS = {200: "All are stored", 202: "Some are stored", 409: "None is stored"}  # PS3.18 10.5.3
router = APIRouter(responses={
    status: {"description": says, "content": {DICOM_JSON: _STORED}} for status, says in _SAYS.items()
})  # fmt: skip
Outcome = tuple[Admitted | None, Recorded | Refusal]


@router.post("/studies", response_class=Response, openapi_extra=_BODY, summary="Store instances (STOW-RS)")
async def store(request: Request, who: Acting, organization: UUID | None = None) -> Response:
    """`multipart/related; type="application/dicom"`, or JSON metadata with bulk data, or one `application/dicom`."""
    return await _store(request, who, organization, None)


@router.post(
    "/studies/{study_uid}", response_class=Response, openapi_extra=_BODY,
    summary="Store instances of one study (STOW-RS)",
)  # fmt: skip
async def store_in_study(study_uid: str, request: Request, who: Acting, organization: UUID | None = None) -> Response:
    return await _store(request, who, organization, study_uid)


async def _store(request: Request, who: Actor, organization: UUID | None, study_uid: str | None) -> Response:
    organization_id = sends_for(who, organization, "Say with ?organization= for whom this is sent.")
    content_type = request.headers.get("content-type", "")
    kind = _payload(content_type)
    parts = Parts(content_type)
    try:
        rest = await drain(request.stream(), parts, content_length(request) or 0)
    except BaseException:  # a disconnect too
        await to_thread.run_sync(parts.discard)
        raise
    return await to_thread.run_sync(_ingest, who, organization_id, parts, rest, kind, study_uid)


def _payload(content_type: str) -> str:
    """What the parts are; XML metadata and everything else is refused before a byte is read."""
    kind, parameters = media_type(content_type)
    if kind == "multipart/related":
        kind = parameters.get("type", DICOM).lower()
    elif kind == DICOM_JSON:  # without a body part there is no pixel data, and nothing to store it by
        kind = ""
    if kind not in (DICOM, DICOM_JSON):
        raise DoorRefusal(
            415, 'Send multipart/related with type="application/dicom" or "application/dicom+json", or application/dicom.',
            headers={"Accept": f'{DICOM}, multipart/related; type="{DICOM}", multipart/related; type="{DICOM_JSON}"'},
        )  # fmt: skip
    return kind


def _ingest(
    who: Actor, organization_id: UUID, parts: Parts, rest: bytearray, kind: str, study_uid: str | None
) -> Response:
    outcomes: list[Outcome] = []
    try:
        parts.feed(rest)
        for batch in _batches(_files(parts.close(), kind)):
            outcomes += _outcomes(who, organization_id, batch, study_uid)
    finally:
        parts.discard()
    if not outcomes:
        raise DoorRefusal(400, "The request holds no instance.")
    return _answer(outcomes, study_uid)


def _files(parts: list[Part], kind: str) -> Iterator[Spooled | Refusal]:
    if kind == DICOM_JSON:
        yield from assembled(parts)
    else:
        yield from (part.file() for part in parts)


def _batches(files: Iterator[Spooled | Refusal]) -> Iterator[list[Spooled | Refusal]]:
    batch: list[Spooled | Refusal] = []
    for file in files:
        batch.append(file)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _outcomes(
    who: Actor, organization_id: UUID, files: list[Spooled | Refusal], study_uid: str | None
) -> list[Outcome]:
    admitted: dict[int, Admitted] = {}
    refused: dict[int, Outcome] = {}
    for at, file in enumerate(files):
        try:
            if isinstance(file, Refusal):
                raise file
            admitted[at] = ingest.admit_instance(Arrival(file))
            if study_uid not in (None, admitted[at].facts.study_instance_uid):
                raise Invalid("This instance belongs to another study than the one addressed.", reason_code="study")
        except Refusal as refusal:
            refused[at] = (admitted.pop(at, None), refusal)
    done = {at: (admitted[at], outcome) for at, outcome in ingest.store(who, organization_id, admitted).items()}
    for file in files:
        if isinstance(file, Spooled):
            file.discard()
    return [(done | refused)[at] for at in range(len(files))]


def _answer(outcomes: list[Outcome], study_uid: str | None) -> Response:
    """PS3.18 10.5.3: 200 all stored, 202 some, 409 none; an archive that is away is no fault of the instances."""
    failed = [(one, _refusal(outcome)) for one, outcome in outcomes if _refusal(outcome)]
    if len(failed) == len(outcomes):
        away = next((refusal for _, refusal in failed if isinstance(refusal, Unavailable)), None)
        if away is not None and all(isinstance(refusal, Unavailable) for _, refusal in failed):
            raise away
    stored = [one for one, outcome in outcomes if one and not _refusal(outcome)]
    data: dict[str, Any] = {}
    studies = {one.facts.study_instance_uid or "" for one in stored} or {study_uid or ""}
    if len(studies) == 1 and "" not in studies:
        data["00081190"] = {"vr": "UR", "Value": [study_url(*studies)]}
    if failed:
        data["00081198"] = {"vr": "SQ", "Value": [_failed(one, refusal) for one, refusal in failed if refusal]}
    if stored:
        data["00081199"] = {"vr": "SQ", "Value": [_referenced(one) for one in stored]}
    status = 409 if not stored else 202 if failed else 200
    return dicom_json(data, status, warning=_warning(failed, len(outcomes)))


def _refusal(outcome: Recorded | Refusal) -> Refusal | None:
    if isinstance(outcome, Refusal):
        return outcome
    if outcome.is_conflict:
        return Conflict("Another file with the same SOP Instance UID is already here; this one is kept aside.")
    return None


def _named(one: Admitted | None) -> dict[str, Any]:
    """PS3.18 table 10.5.3-1: which instance, as far as it could be read."""
    facts = one.facts if one else None
    uids = {"00081150": facts and facts.sop_class_uid, "00081155": facts and facts.sop_instance_uid}
    return {tag: {"vr": "UI", "Value": [uid]} for tag, uid in uids.items() if uid}


def _failed(one: Admitted | None, refusal: Refusal) -> dict[str, Any]:
    return {**_named(one), "00081197": {"vr": "US", "Value": [_reason(refusal)]}}


def _referenced(one: Admitted) -> dict[str, Any]:
    facts = one.facts
    url = instance_url(facts.study_instance_uid or "", facts.series_instance_uid or "", facts.sop_instance_uid or "")
    return {**_named(one), "00081190": {"vr": "UR", "Value": [url]}}


def _reason(refusal: Refusal) -> int:
    """Failure Reason (PS3.18 table 10.5.3-3, PS3.4 table B.2-1)."""
    if isinstance(refusal, Unavailable):
        return OUT_OF_RESOURCES
    if isinstance(refusal, Conflict):
        return DUPLICATE
    if isinstance(refusal, Forbidden | NotFound):
        return NOT_AUTHORIZED if isinstance(refusal, Forbidden) else 0x0112
    return MISMATCH if refusal.facts.get("reason_code") in ("study", "identity", "size") else CANNOT_UNDERSTAND


def _warning(failed: list[tuple[Admitted | None, Refusal | None]], count: int) -> str:
    first = next((refusal.sentence for _, refusal in failed if refusal), "")
    return f"{len(failed)} of {count} not stored. {first}" if failed else ""
