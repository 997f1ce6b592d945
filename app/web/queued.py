"""What a browser's outbox is answered: short, by JSON, and without a word of what is here to one that only sends."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.access.actor import Actor
from app.http.actor import only_sends
from app.web.forms import Form


def is_queued(request: Request, who: Actor) -> bool:
    """A script sends what was written before; nobody looks at the answer."""
    return only_sends(who) or "application/json" in request.headers.get("accept", "")


def placed(referral_id: UUID) -> Response:
    return JSONResponse({"id": str(referral_id)}, 201, {"Location": f"/referrals/{referral_id}"})


def refused(who: Actor, form: Form, status: int) -> Response:
    """Which fields; the sentences, which may name somebody, are for who opens the form again, signed in."""
    errors = [{"field": name, "detail": "" if only_sends(who) else said} for name, said in form.errors.items()]
    body = {"type": "about:blank", "title": "Needs another look", "status": status, "errors": errors}
    return JSONResponse(body, status, media_type="application/problem+json")
