"""`/healthz`: the process answers; `/readyz`: it can serve, because the database and the store answer too."""

from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from typing import Literal

import sqlalchemy as sa
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from app.access.actor import NOBODY
from app.config import settings
from app.db import reading
from app.errors import Refusal
from app.storage import blobs

router = APIRouter(tags=["operations"])
# Two threads: while both hang, later probes wait their turn in vain, which is the right answer too.
_asking = ThreadPoolExecutor(2, thread_name_prefix="ready")


class Alive(BaseModel):
    status: Literal["alive"]


class Ready(BaseModel):
    status: Literal["ready", "away"]
    database: Literal["ok", "away"]
    storage: Literal["ok", "away"]


@router.get("/healthz", summary="Alive")
def healthz() -> Alive:
    return Alive(status="alive")


@router.get(
    "/readyz", summary="Can serve", response_model=Ready,
    responses={503: {"model": Ready, "description": "A part of it is away"}},
)  # fmt: skip
def readyz() -> JSONResponse:
    asked = {"database": _asking.submit(_ask_database), "storage": _asking.submit(blobs.store().check)}
    parts = {name: _answer(future) for name, future in asked.items()}
    ready = all(answer == "ok" for answer in parts.values())
    return JSONResponse({"status": "ready" if ready else "away", **parts}, 200 if ready else 503)


def _ask_database() -> None:
    with reading(NOBODY) as session:  # no BEGIN IMMEDIATE: a probe never waits for a writer
        session.execute(sa.text("SELECT 1"))


def _answer(asked: "Future[None]") -> str:
    try:
        asked.result(settings().ready_wait_s)
    except (Refusal, sa.exc.SQLAlchemyError, TookTooLong):
        asked.cancel()
        return "away"
    return "ok"
