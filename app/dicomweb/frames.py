"""WADO-RS of frames (PS3.18 10.4.1.1.6): the stored bytes by range, or decoded where only that is acceptable."""

from collections.abc import Iterator
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.access.actor import Actor
from app.config import settings
from app.dicom import syntaxes
from app.dicomweb import accept
from app.dicomweb.accept import Range
from app.dicomweb.addresses import instance_url, whose
from app.dicomweb.multipart import Body, alone, multipart
from app.dicomweb.resolve import Target
from app.dicomweb.retrieve import INSTANCE, one
from app.dicomweb.uncompressed import native_frame
from app.errors import NotFound
from app.http.actor import Acting
from app.http.description import answered
from app.http.problems import DoorRefusal

router = APIRouter(responses=answered("multipart/related", "application/octet-stream"))
OCTETS = "application/octet-stream"


@router.get(INSTANCE + "/frames/{numbers}", response_class=Response, summary="Retrieve frames (WADO-RS)")
def frames(
    study_uid: str, series_uid: str, uid: str, numbers: str, request: Request, who: Acting,
    organization: UUID | None = None,
) -> Response:  # fmt: skip
    """`numbers` are frames from 1, separated by commas."""
    wanted = numbers_of(numbers)
    target = one(who, study_uid, series_uid, uid, organization)
    refuse_beyond(target, wanted)
    kind, syntax, is_single = _how(request, target, len(wanted))
    bodies = [body(who, target, number, kind, syntax) for number in wanted]
    return alone(bodies[0]) if is_single else multipart(bodies, kind)


def numbers_of(text: str) -> list[int]:
    parts = text.split(",")
    most = settings().max_frames_per_request
    if len(parts) > most or not all(part.isascii() and part.isdecimal() and len(part) < 10 for part in parts):
        raise DoorRefusal(400, f"Frames are up to {most:,} numbers, separated by commas.")
    return [int(part) for part in parts]


def refuse_beyond(target: Target, numbers: list[int]) -> None:
    if target.frame_count == 0:
        raise NotFound("This instance has no frames that can be had one by one.")
    count = max(target.frame_count, target.row.number_of_frames)
    if not all(1 <= number <= count for number in numbers):
        raise NotFound(f"There are {count} frames.")


def _how(request: Request, target: Target, count: int) -> tuple[str, str, bool]:
    """(media type, transfer syntax, whether alone) of the first acceptable representation."""
    is_video = bool(target.facts.pixels and target.facts.pixels.is_video)
    for wanted in accept.ranges(request) if not is_video else []:
        is_single = not wanted.is_multipart and wanted.kind != "*/*"
        if is_single and count > 1:
            continue
        found = representation(wanted, target.transfer_syntax_uid)
        if found is not None:
            return *found, is_single
    if is_video:
        raise accept.refusal("video/mp4 at …/rendered")
    stored = f'multipart/related; type="{syntaxes.media_type(target.transfer_syntax_uid)}"'
    raise accept.refusal(
        f"{stored}; transfer-syntax={target.transfer_syntax_uid}",
        f'multipart/related; type="{OCTETS}"; transfer-syntax={syntaxes.EXPLICIT_LE}',
    )


def representation(wanted: Range, stored: str) -> tuple[str, str] | None:
    """PS3.18 8.7.3: octets without more are uncompressed, with * whatever is stored."""
    stored_kind, syntax = syntaxes.media_type(stored), wanted.transfer_syntax
    if stored_kind == OCTETS:
        is_fit = wanted.takes(OCTETS) and syntax in ("", "*", stored, syntaxes.EXPLICIT_LE)
        return (OCTETS, syntaxes.EXPLICIT_LE) if is_fit else None
    if syntax in ("", "*", stored) and wanted.takes(stored_kind):
        return stored_kind, stored
    if wanted.takes(OCTETS) and syntax in ("*", stored):
        return stored_kind, stored
    if wanted.takes(OCTETS) and syntax in ("", syntaxes.EXPLICIT_LE):
        return OCTETS, syntaxes.EXPLICIT_LE
    return None


def body(who: Actor, target: Target, number: int, kind: str, syntax: str) -> Body:
    """One frame's bytes as they are stored, or decoded when its turn comes."""
    address = f"{instance_url(target.study_uid, target.series_uid, target.uid)}/frames/{number}"
    location = address + whose(who, target.organization_id)
    media_type = f"{kind}; transfer-syntax={syntax}"
    facts = target.facts
    is_stored = kind != OCTETS or syntaxes.media_type(target.transfer_syntax_uid) == OCTETS
    is_turned = facts.pixels is not None and facts.pixels.big_endian
    if is_stored and not is_turned and facts.frames is not None:
        return Body(media_type, target.blob, facts.frames.ranges(number - 1), location)

    def decoded() -> Iterator[bytes]:
        yield native_frame(target, number - 1)

    return Body(media_type, decoded, location=location)
