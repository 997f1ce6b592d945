"""A specialist's pages: the worklist, the reading room, what is done there, critical findings, and the report."""

from fastapi import APIRouter

from app.web import acts, critical, macros, reports, room, signing, worklist

router = APIRouter(include_in_schema=False)
for part in (worklist, room, acts, critical, signing, reports, macros):
    router.include_router(part.router)
