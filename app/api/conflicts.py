"""Other bytes under an identifier that is taken: looked at, and settled."""

from uuid import UUID

from fastapi import APIRouter, Response
from starlette.responses import StreamingResponse

from app.audit import events
from app.db import reading, transaction
from app.http.actor import Acting
from app.http.description import answered
from app.http.idempotency import Once, once
from app.storage import blobs
from app.studies import conflicts

router = APIRouter(tags=["studies"])


@router.get("/conflicts/{conflict_id}/original", summary="The bytes that were kept aside", response_class=Response,
            responses=answered("application/dicom"))  # fmt: skip
def get_kept_aside(conflict_id: UUID, who: Acting) -> Response:
    """To compare with the instance's own, which is shown; DICOMweb never serves these."""
    with reading(who) as session:
        row = conflicts.found(session, who, conflict_id)
    events.note_opening(who, "conflict.downloaded", organization_id=row.organization_id, entity_id=row.id)
    headers = {
        "Content-Disposition": f"attachment; filename={row.id}.dcm", "Content-Length": str(row.blob.size_bytes),
    }  # fmt: skip
    return StreamingResponse(blobs.read(row.blob), headers=headers, media_type="application/dicom")


@router.post("/conflicts/{conflict_id}/settle", status_code=204)
def settle_conflict(conflict_id: UUID, who: Acting, key: Once) -> None:
    """The first bytes stay; these are kept, and nobody is asked about them any more."""
    with transaction(who) as session:
        done = once(session, key)
        if not done.before:
            done.keep(204, conflicts.settle(session, who, conflict_id).id)
