"""The referrer's acts: place, send, revise, submit, cancel, and the files."""

import base64
from email.message import Message as Headers
from typing import Annotated, Any
from uuid import UUID

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from app.access import scope
from app.access.actor import Actor
from app.api.schemas import FileOut, ReferralBrief, ReferralOut, ReferralPage
from app.audit import events
from app.cases import case, lists
from app.db import reading, transaction
from app.errors import Invalid, TooLarge
from app.http.actor import Acting
from app.http.description import BINARY, header
from app.http.etag import IfMatch, etag, require_match
from app.http.idempotency import EXAMPLE, SAYS, Once, RequestKey, once, streamed_key, working_on
from app.http.limits import content_length
from app.referrals.expect import expect
from app.referrals.given import GivenFile, GivenReferral, Moment, RevisedReferral, Text, name_within
from app.referrals.models import EXAM_TYPES, FileStatus, ManifestItem, Referral
from app.referrals.place import place
from app.reports import regroup
from app.reviews import cancel, files, submit
from app.reviews.revise import revise
from app.storage.spool import drain
from app.studies.ingest import Arrival
from app.studies.receive import Keep, for_sending, may_send, quarantine, receive
from app.studies.unpack import entries_of, is_archive, unpack

router = APIRouter(tags=["referring"])


class ExamType(BaseModel):
    code: str


class ExamTypes(BaseModel):
    items: list[ExamType]


class Reason(BaseModel):
    reason: Text = Field(min_length=1, examples=["Patient went to the district hospital."])


class Target(BaseModel):
    referral_id: UUID = Field(description="Another one of the same organization")
    same_patient: bool = Field(False, description="Whatever the files say, it is that referral's patient")


@router.get("/exam-types")
def exam_types() -> ExamTypes:
    return ExamTypes(items=[ExamType(code=code) for code in EXAM_TYPES])


@router.post("/referrals", status_code=201)
def place_referral(given: GivenReferral, who: Acting, key: Once, response: Response) -> ReferralOut:
    """Text first: stored and usable before any file. The files named here are expected."""
    with transaction(who) as session:
        done = once(session, key)
        if done.before and done.resource_id is not None:
            referral_id = done.resource_id
        else:
            referral_id = place(session, who, given).id
            done.keep(201, referral_id)
        session.flush()
        answer = _shown(session, who, referral_id, response)
    response.headers["Location"] = f"/api/v1/referrals/{referral_id}"
    return answer


@router.get("/referrals")
def list_referrals(
    who: Acting, external_identifier: Annotated[str | None, Query(description="system|value")] = None,
    updated_after: Moment | None = None, cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ReferralPage:  # fmt: skip
    """The oldest change first, so that a script can go on where it stopped.

    On PostgreSQL a page with `updated_after` or `cursor` ends three seconds ago, so that none committed late is missed."""
    with reading(who) as session:
        page = lists.search(
            session,
            who,
            external_identifier=external_identifier,
            updated_after=updated_after,
            cursor=cursor,
            limit=limit,
        )
        return ReferralPage(items=[ReferralBrief.of_line(line) for line in page.lines], next_cursor=page.next_cursor)


@router.get("/referrals/{referral_id}")
def get_referral(referral_id: UUID, who: Acting, response: Response) -> ReferralOut:
    with reading(who) as session:
        answer = _shown(session, who, referral_id, response)
    events.note_opening(who, "referral.opened", organization_id=answer.organization.id, entity_id=referral_id,
                        referral_id=referral_id)  # fmt: skip
    return answer


@router.patch("/referrals/{referral_id}")
def revise_referral(
    referral_id: UUID, given: RevisedReferral, who: Acting, response: Response, if_match: IfMatch = None
) -> ReferralOut:
    """Only what is given changes; the reader sees what changed and when."""
    with transaction(who) as session:
        referral = submit.for_change(session, who, referral_id)
        require_match(if_match, etag(referral.id, referral.version))
        revise(session, who, referral, given)
        session.flush()
        return _shown(session, who, referral_id, response)


@router.post("/referrals/{referral_id}/submit")
def submit_referral(referral_id: UUID, who: Acting, key: Once, response: Response) -> ReferralOut:
    """Ask the reading organization; allowed before any file has arrived."""
    with transaction(who) as session:
        done = once(session, key)
        if not done.before:
            submit.submit(session, who, submit.for_change(session, who, referral_id))
            done.keep(200, referral_id)
        session.flush()
        return _shown(session, who, referral_id, response)


@router.post("/referrals/{referral_id}/cancel")
def cancel_referral(referral_id: UUID, given: Reason, who: Acting, key: Once, response: Response) -> ReferralOut:
    with transaction(who) as session:
        done = once(session, key)
        if not done.before:
            cancel.cancel(session, who, submit.for_change(session, who, referral_id), given.reason)
            done.keep(200, referral_id)
        session.flush()
        return _shown(session, who, referral_id, response)


def file_body(name: str) -> dict[str, Any]:
    """How one file comes as a raw body, for the description; `name` is that of its example."""
    return {
        "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": BINARY}}},
        "parameters": [
            header("Content-Disposition", "The file's name (RFC 6266)", f"attachment; filename*=UTF-8''{name}"),
            header("Repr-Digest", "Bytes of another digest are refused (RFC 9530)",
                   "sha-256=:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=:"),
            header("Idempotency-Key", SAYS, EXAMPLE),
        ],
    }  # fmt: skip


@router.post("/referrals/{referral_id}/files", status_code=201, openapi_extra=file_body("ruq-1.dcm"))
async def send_file(referral_id: UUID, who: Acting, request: Request, response: Response) -> FileOut:
    """One file as the raw body, its name in Content-Disposition, its digest in Repr-Digest if known.

    201 with status `stored`, `held` (another patient's name in it) or `conflict`; a file that is quarantined is
    a 422 with the reason. A ZIP is unpacked; its answer lists what was in it."""
    referral = await to_thread.run_sync(may_send, who, referral_id)
    key = streamed_key(request, who, response)
    if (before := await to_thread.run_sync(_before, who, key)) is not None:
        return before
    size_bytes = content_length(request)
    name = file_name(request.headers.get("content-disposition"))
    try:
        spooled = await drain(request.stream(), size_bytes)
    except TooLarge as refusal:
        raise await to_thread.run_sync(_refused, who, referral, name, size_bytes, refusal, key) from None
    try:
        expect_digest(request.headers.get("repr-digest"), spooled.sha256)
        return await to_thread.run_sync(_received, who, referral, Arrival(spooled, name), key)
    finally:
        spooled.discard()


class Expected(BaseModel):
    files: list[GivenFile] = Field(min_length=1, max_length=200)


class ExpectedFiles(BaseModel):
    items: list[FileOut]


@router.post("/referrals/{referral_id}/expect")
def expect_files(referral_id: UUID, given: Expected, who: Acting, key: Once) -> ExpectedFiles:
    """Say which files are still going to come, at most 200 at a time; those that are here already answer so.

    In the order given. Said twice is said once, so the answer is the same under any key."""
    with transaction(who) as session:
        done = once(session, key)
        items = expect(session, who, for_sending(session, who, referral_id, lock=True), given.files)
        done.keep(200, referral_id)
        return ExpectedFiles(items=[FileOut.of(item) for item in items])


@router.post("/referrals/{referral_id}/files/{file_id}/confirm-identity")
def confirm_identity(referral_id: UUID, file_id: UUID, who: Acting, key: Once) -> FileOut:
    """'Same patient': the held file joins the referral."""
    with transaction(who) as session:
        done = once(session, key)
        if done.before:
            return FileOut.of(scope.get(session, ManifestItem, file_id, who))
        item = files.confirm(session, who, referral_id, file_id)
        done.keep(200, item.id)
        return FileOut.of(item)


@router.post("/referrals/{referral_id}/files/{file_id}/withdraw")
def withdraw_file(referral_id: UUID, file_id: UUID, given: Reason, who: Acting, key: Once) -> FileOut:
    """'Wrong file': the reader no longer sees it."""
    with transaction(who) as session:
        done = once(session, key)
        if done.before:
            return FileOut.of(scope.get(session, ManifestItem, file_id, who))
        item = files.withdraw(session, who, referral_id, file_id, given.reason)
        done.keep(200, item.id)
        return FileOut.of(item)


@router.post("/referrals/{referral_id}/files/{file_id}/move")
def move_file(referral_id: UUID, file_id: UUID, given: Target, who: Acting, key: Once) -> FileOut:
    """To the referral that it belongs to. All of its examination goes with it: `files` are the lines of the rest.

    The answer is its line there; its own says `withdrawn`. What a signed report rests on is a 409 that says the way."""
    with transaction(who) as session:
        done = once(session, key)
        if done.before and done.resource_id is not None:
            return FileOut.of(scope.get(session, ManifestItem, done.resource_id, who))
        item, *along = regroup.move(
            session, who, referral_id, file_id, given.referral_id, same_patient=given.same_patient
        )
        done.keep(200, item.id)
        return FileOut.of(item, along)


def file_name(disposition: str | None) -> str:
    """The sender's name for a file (RFC 6266 `filename*` or `filename`); data only, never a path."""
    header = Headers()
    header["content-disposition"] = disposition or "attachment"
    try:
        name = header.get_filename()
    except (ValueError, LookupError, TypeError):  # a coding that cannot be read, pieces that have no order
        name = None
    return name_within(name or "") or "unnamed"


def expect_digest(repr_digest: str | None, sha256: str) -> None:
    """Refuse bytes that are not those the sender meant (RFC 9530)."""
    for part in (repr_digest or "").split(","):
        name, _, value = part.strip().partition("=")
        if name == "sha-256":
            try:
                wanted = base64.b64decode(value.strip(":"), validate=True).hex()
            except ValueError:
                raise Invalid("Repr-Digest is written sha-256=:base64:.", field="Repr-Digest") from None
            if wanted != sha256:
                raise Invalid("The file changed on its way. Send it again.", field="Repr-Digest")


def _received(who: Actor, referral: Referral, arrival: Arrival, key: RequestKey | None) -> FileOut:
    with working_on(key):
        keep = _keep(key, 422)
        if is_archive(arrival.spooled):
            item, entries = unpack(who, referral, arrival, keep)
            return FileOut.of(item, entries)
        return FileOut.of(receive(who, referral, arrival, keep=keep))


def _refused(
    who: Actor, referral: Referral, name: str, size_bytes: int | None, refusal: TooLarge, key: RequestKey | None
) -> TooLarge:
    """What was too large to be taken has its line too."""
    with working_on(key):
        item = quarantine(who, referral.id, name, refusal, size_bytes=size_bytes, keep=_keep(key, 413))
    return TooLarge(refusal.sentence, file_id=str(item.id), reason_code=refusal.facts.get("reason_code"))


def _keep(key: RequestKey | None, refused: int) -> Keep | None:
    """The key goes down in the transaction of what it stands for; a refusal is an answer too."""
    if key is None:
        return None
    return lambda session, item: once(session, key).keep(refused if _is_refused(item) else 201, item.id)


def _before(who: Actor, key: RequestKey | None) -> FileOut | None:
    """What was answered under this key, made anew from the file as it is now."""
    if key is None:
        return None  # without waiting for the write lock
    with transaction(who) as session:
        done = once(session, key)
        if done.resource_id is None:
            return None
        item = scope.get(session, ManifestItem, done.resource_id, who)
        entries = entries_of(session, item.id) if item.is_archive else None
    if _is_refused(item):
        refusal = TooLarge if done.status == 413 else Invalid
        raise refusal(item.reason, file_id=str(item.id))
    return FileOut.of(item, entries)


def _is_refused(item: ManifestItem) -> bool:
    return item.status == FileStatus.QUARANTINED


def _shown(session: Session, who: Actor, referral_id: UUID, response: Response) -> ReferralOut:
    found = case.whole(session, who, referral_id)
    response.headers["ETag"] = etag(found.referral.id, found.referral.version)
    return ReferralOut.of(found, sends=who.may("referral.send", found.referral.organization_id))
