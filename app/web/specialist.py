"""A specialist's pages: the worklist, the reading room, what is done there, and the report."""

from fastapi import APIRouter

from app.web import acts, macros, reports, room, signing, worklist

router = APIRouter(include_in_schema=False)
for part in (worklist, room, acts, signing, reports, macros):
    router.include_router(part.router)
