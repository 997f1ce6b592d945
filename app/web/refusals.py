"""A refusal as a page: what, why, and what can be done now."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from app.http.actor import only_sends
from app.http.csrf import SAFE
from app.http.problems import NOTHING_HERE, Problem, wants_page
from app.web.pages import by_htmx, render, see_other
from app.web.words import speech_of

# Doors of programs, whoever looks in.
MACHINES = ("/api/", "/dicom-web", "/fhir", "/uploads", "/static/", "/healthz", "/readyz", "/metrics")


def shape(request: Request, problem: Problem) -> Response | None:
    """For `problems.install`: a page for people, None for everybody else."""
    if request.url.path.startswith(MACHINES) or not wants_page(request):
        return None
    who = getattr(request.state, "actor", None)
    if who is not None and only_sends(who):
        return None
    if not by_htmx(request) and request.method in SAFE:
        if problem.status == 401:
            return see_other(sign_in_path(request))
        if problem.facts.get("needs_second_factor"):
            return see_other(second_factor_path(_here(request)))
    sentence = speech_of(request, who).gettext(problem.sentence)
    if by_htmx(request):
        answer = render(request, who, "refusal_line.html", problem.status, sentence=sentence)
        if request.method in SAFE:  # a look again that failed leaves standing what is there
            answer.headers["HX-Reswap"] = "none"
        return answer
    return render(
        request, who, "refusal.html", problem.status, problem=problem, sentence=sentence, nothing_here=NOTHING_HERE,
    )  # fmt: skip


def sign_in_path(request: Request) -> str:
    """Sign in, then come back here."""
    here = _here(request)
    return "/sign-in" if here == "/" else f"/sign-in?next={quote(here, safe='/')}"


def second_factor_path(then: str) -> str:
    """Set it up, then go where one was going."""
    return "/second-factor" if then == "/" else f"/second-factor?next={quote(then, safe='/')}"


def _here(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
