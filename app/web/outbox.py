"""What the browser keeps of the service, for when there is no link: the worker, two pages that name nobody, the manifest."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import FileResponse, JSONResponse

from app.access.actor import Actor
from app.http.actor import perhaps
from app.referrals.models import EXAM_TYPES
from app.web.forms import Form
from app.web.pages import render
from app.web.urgency import spans

router = APIRouter(include_in_schema=False)
FOLDER = Path(__file__).parent
NEW = {"priority": "routine", "sex": "unknown", "age_unit": "years"}


@router.get("/outbox")
def show_outbox(request: Request, who: Annotated[Actor | None, Depends(perhaps)]) -> Response:
    """The server knows nothing of what waits on a device: script fills this in."""
    return render(request, who, "outbox.html")


@router.get("/outbox/new")
def show_offline_form(request: Request) -> Response:
    """The form of a new referral as the browser keeps it: the same fields, and whoever asks for it is nobody."""
    return render(
        request, None, "new_referral.html", form=Form(NEW), own=[], readers=[], exam_types=EXAM_TYPES,
        spans=spans(()), unread_here=[], looks=True, similar=[], is_shell=True,
    )  # fmt: skip


@router.get("/worker.js")
def show_worker() -> Response:
    """At the root: from elsewhere it would not be asked about the pages (Service Workers, 3.4.2 Path restriction)."""
    return FileResponse(
        FOLDER / "static" / "worker.js", media_type="text/javascript", headers={"Cache-Control": "no-cache"}
    )


@router.get("/manifest.webmanifest")
def show_manifest() -> Response:
    icons = [{"src": f"/static/icon-{px}.png", "sizes": f"{px}x{px}", "type": "image/png"} for px in (192, 512)]
    whole = {"src": "/static/mark.svg", "sizes": "any", "type": "image/svg+xml"}
    return JSONResponse(
        {"name": "Sonopost", "short_name": "Sonopost", "id": "/", "start_url": "/", "scope": "/", "display": "standalone",
         "background_color": "#ffffff", "theme_color": "#0b7a82", "icons": [*icons, whole]},
        headers={"Cache-Control": "no-cache"}, media_type="application/manifest+json",
    )  # fmt: skip
