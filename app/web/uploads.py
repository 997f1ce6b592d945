"""The file form without script: its parts go to the spool as they come, and each is received by itself."""

from uuid import UUID

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from app.access.actor import Actor
from app.config import settings
from app.errors import Invalid, TooLarge
from app.http.actor import Acting
from app.http.problems import DoorRefusal
from app.referrals.models import Referral
from app.studies.ingest import Arrival
from app.studies.receive import may_send, quarantine, receive
from app.studies.unpack import is_archive, unpack
from app.web.pages import see_other
from app.web.parts import Parts, begun, fed

router = APIRouter(include_in_schema=False)


@router.post("/referrals/{referral_id}/files")
async def send_files(referral_id: UUID, who: Acting, request: Request) -> Response:
    """Who may send is asked before the first byte; what is refused has its line on the page it comes back to."""
    referral = await to_thread.run_sync(may_send, who, referral_id)
    parts = await begun(request, settings().max_file_bytes)
    count, refused = 0, list[str]()
    try:
        async for _ in fed(parts, request.stream()):
            count += await _taken(who, referral, parts)
            refused += await _refused(who, referral, parts)
    finally:
        parts.discard()
    if not parts.is_complete:
        raise DoorRefusal(
            400, "The form was cut off on its way. The files before the cut are safe; send the others again."
        )
    if refused:
        raise TooLarge(" ".join(refused))
    if count == 0:
        raise Invalid("Choose at least one file.", field="file")
    return see_other(f"/referrals/{referral_id}#files")


async def _refused(who: Actor, referral: Referral, parts: Parts) -> list[str]:
    """What was too large has its line like any other file, without a digest."""
    said = []
    while parts.refused:
        name, refusal = parts.refused.pop(0)
        await to_thread.run_sync(quarantine, who, referral.id, name, refusal)
        said.append(f"{name}: {refusal.sentence}")
    return said


async def _taken(who: Actor, referral: Referral, parts: Parts) -> int:
    """Receive each file that is whole now."""
    count = 0
    while parts.finished:
        arrival = parts.finished.pop(0)
        try:
            await to_thread.run_sync(_received, who, referral, arrival)
        finally:
            arrival.spooled.discard()
        count += 1
    return count


def _received(who: Actor, referral: Referral, arrival: Arrival) -> None:
    try:
        if is_archive(arrival.spooled):
            unpack(who, referral, arrival)
        else:
            receive(who, referral, arrival)
    except Invalid as refusal:
        if "file_id" not in refusal.facts:  # quarantined: its line says why
            raise
