"""A specialist's pages: the worklist, the reading room, what is done there, critical findings, second opinions, and the report."""

from fastapi import APIRouter

from app.web import acts, ahead, critical, macros, opinions, reports, room, saying, signing, worklist

router = APIRouter(include_in_schema=False)
for part in (worklist, room, acts, saying, critical, opinions, ahead, signing, reports, macros):
    router.include_router(part.router)
