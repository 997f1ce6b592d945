"""A specialist's pages: the worklist, the reading room, and what is done there."""

from fastapi import APIRouter

from app.web import acts, room, worklist

router = APIRouter(include_in_schema=False)
for part in (worklist, room, acts):
    router.include_router(part.router)
