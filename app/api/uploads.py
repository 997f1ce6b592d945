"""What a sender's own resumable uploads have come to; their bytes go by tus at /uploads."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from app.db import reading
from app.http.actor import Acting
from app.tus import own
from app.tus.models import Upload
from app.tus.routes import ROOT

router = APIRouter(tags=["referring"])


class UploadOut(BaseModel):
    id: UUID
    url: str
    referral_id: UUID | None
    file_id: UUID | None
    name: str
    size_bytes: int
    offset_bytes: int
    sha256: str | None
    status: str
    reason: str
    expires_at: datetime

    @classmethod
    def of(cls, upload: Upload) -> Self:
        same = ("id", "referral_id", "name", "size_bytes", "offset_bytes", "sha256", "reason", "expires_at")
        plain = {name: getattr(upload, name) for name in same}
        return cls(**plain, url=f"{ROOT}/{upload.id}", file_id=upload.item_id, status=upload.state)


class UploadPage(BaseModel):
    items: list[UploadOut]
    next_cursor: str | None


@router.get("/uploads")
def list_uploads(
    who: Acting, referral_id: UUID | None = None, cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> UploadPage:  # fmt: skip
    """One's own unfinished ones, the oldest first: where a sender goes on that was switched off."""
    with reading(who) as session:
        rows = own.unfinished(session, who, referral_id=referral_id, after=cursor, limit=limit + 1)
    items = [UploadOut.of(one) for one in rows[:limit]]
    return UploadPage(items=items, next_cursor=str(items[-1].id) if len(rows) > limit else None)


@router.get("/uploads/{upload_id}")
def get_upload(upload_id: UUID, who: Acting) -> UploadOut:
    """`receiving`, `done` (its file is recorded), `refused` with the reason, `ended` or `expired`."""
    with reading(who) as session:
        return UploadOut.of(own.mine(session, who, upload_id))
