"""All doors in this process, with a few more that fail in every way there is."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import httpx
import pytest
import uvicorn
from fastapi import APIRouter, FastAPI, Form, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from app.access.models import ApiToken
from app.config import Settings
from app.db import reading, transaction
from app.errors import Conflict, Forbidden, Invalid, NotFound, Refusal, TooLarge, Unavailable
from app.http.actor import Acting
from app.http.etag import etag, is_unchanged, require_match
from app.http.guard import GuardedProtocol
from app.http.idempotency import Once, once, streamed_key
from app.main import create_app
from app.people.models import Organization

REFUSALS: dict[str, Refusal] = {
    "invalid": Invalid("Two of three.", field="patient.sex", choices=[UUID(int=7)]),
    "forbidden": Forbidden("Not you."),
    "not-found": NotFound(),
    "conflict": Conflict("Somebody was first.", status="accepted", who="Dr Wanjiru"),
    "too-large": TooLarge("Too much."),
    "unavailable": Unavailable("Away.", retry_after_s=7),
    "disk-full": Unavailable("Full.", disk_full=True),
}
router = APIRouter(prefix="/test")
WORDS = "what the patient told"


class Given(BaseModel):
    sex: Annotated[str, StringConstraints(pattern="^(female|male)$")]
    weeks: int = Field(le=42)


class Nested(BaseModel):
    patient: Given


@router.get("/refusals/{name}")
def refuse(name: str) -> None:
    raise REFUSALS[name]


@router.get("/broken")
def break_down() -> None:
    raise ZeroDivisionError(WORDS)


@router.get("/broken-in-the-middle")
def break_off() -> Response:
    from starlette.responses import StreamingResponse

    def half() -> Iterator[bytes]:
        yield b"half"
        raise ZeroDivisionError(WORDS)

    return StreamingResponse(half())


@router.get("/things/{thing_id}")
def by_id(thing_id: UUID) -> str:
    return str(thing_id)


@router.post("/given")
def take(given: Nested) -> str:
    return given.patient.sex


@router.post("/nul")
def store_nul(who: Acting, text: Annotated[str, Form()]) -> None:
    with transaction(who) as session:
        session.add(Organization(name=text))


@router.get("/kept")
def kept() -> Response:
    return Response("image", headers={"Cache-Control": "private, max-age=60", "Content-Security-Policy": "sandbox"})


@router.get("/versioned")
def get_versioned(request: Request) -> Response:
    tag = etag("thing", 3)
    return Response(
        status_code=304 if is_unchanged(request.headers.get("if-none-match"), tag) else 200, headers={"ETag": tag}
    )


@router.put("/versioned")
def put_versioned(request: Request) -> str:
    require_match(request.headers.get("if-match"), etag("thing", 3), changed_by="Dr Wanjiru")
    return "written"


@router.post("/organizations", status_code=201)
def make(who: Acting, key: Once, name: str = "made", fail: bool = False) -> dict[str, Any]:
    with transaction(who) as session:
        done = once(session, key)
        if done.before:
            made = session.get_one(Organization, done.resource_id)
        else:
            made = Organization(name=name)
            session.add(made)
            session.flush()
            done.keep(201, made.id)
        if fail:
            raise Conflict("After it was done.")
    return {"id": str(made.id), "name": made.name}


@router.post("/slow", status_code=204)
def take_long(who: Acting, key: Once) -> None:
    with transaction(who) as session:
        once(session, key).keep(204)
        time.sleep(1.5)


@router.post("/streams", status_code=201)
async def stream(request: Request, who: Acting, response: Response) -> dict[str, Any]:
    key = streamed_key(request, who, response)
    received = 0
    async for part in request.stream():
        received += len(part)
    return {"fingerprint": key and key.fingerprint, "received": received}


@dataclass(frozen=True)
class Door:
    """Where the doors listen, and what they wrote to the log."""

    url: str
    app: FastAPI
    settings: Settings

    def client(self, **given: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=20, **given)


@contextmanager
def listening(settings: Settings) -> Iterator[Door]:
    app = create_app(settings)
    app.include_router(router)
    config = uvicorn.Config(
        app, port=0, http=GuardedProtocol, log_config=None, access_log=False, ws="none", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield Door(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", app, settings)
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def door(db: Settings) -> Iterator[Door]:
    with listening(db) as opened:
        yield opened


def token_rows() -> int:
    from app.access.actor import WORKER

    with reading(WORKER) as session:
        return session.query(ApiToken).count()
