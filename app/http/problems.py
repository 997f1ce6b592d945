"""Every refusal as problem+json (RFC 9457), or in the shape that its door prefers."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.access.tries import TooManyTries
from app.errors import Conflict, Forbidden, Invalid, NotFound, Refusal, Sentence, TooLarge, Unavailable

# The one table of this door (design §4.5).
STATUS: dict[type[Refusal], int] = {
    Invalid: 422, Forbidden: 403, NotFound: 404, Conflict: 409, TooLarge: 413, Unavailable: 503, TooManyTries: 429,
}  # fmt: skip
NOTHING_HERE = NotFound().sentence
SENTENCES = {
    400: "This request cannot be understood.",
    404: NOTHING_HERE,
    405: "This cannot be done here.",
    500: "Something went wrong on our side. It is noted; try again.",
}


class DoorRefusal(HTTPException):
    """What HTTP alone can refuse (401, 406, 412, 415, 428, …); the text is a sentence for people."""

    def __init__(
        self, status: int, sentence: str, *, headers: Mapping[str, str] | None = None, **facts: object
    ) -> None:
        super().__init__(status, sentence, headers)
        self.facts = facts


@dataclasses.dataclass(frozen=True)
class Problem:
    """What a refusal becomes: `answer` writes it as problem+json, a page may write it as a page."""

    status: int
    sentence: str
    field: str | None = None  # the offending one, when there is one
    # {"field", "detail"}, when there are several
    errors: list[dict[str, str]] = dataclasses.field(default_factory=list)
    # What else the caller may need: who, when, choices.
    facts: dict[str, object] = dataclasses.field(default_factory=dict)
    headers: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def title(self) -> str:
        return "Checksum Mismatch" if self.status == 460 else HTTPStatus(self.status).phrase  # tus 1.0's own

    def members(self) -> dict[str, Any]:
        body: dict[str, object] = {
            **self.facts, "type": "about:blank", "title": self.title, "status": self.status, "detail": self.sentence,
        }  # fmt: skip
        if self.field:
            body["field"] = self.field
        if self.errors:
            body["errors"] = self.errors
        return cast("dict[str, Any]", jsonable_encoder(body))


Shape = Callable[[Request, Problem], Response | None]


def install(app: FastAPI, shape: Shape = lambda _request, _problem: None) -> None:
    """Answer every exception of this application; `shape` may give another form (a page, an OperationOutcome).

    It chooses by path and by `wants_page`, and leaves the rest to problem+json with None."""
    app.state.shape = shape
    for kind in (Refusal, HTTPException, RequestValidationError, sa.exc.DataError):
        app.add_exception_handler(kind, _handle)


def _handle(request: Request, failure: Exception) -> Response:
    return answer(request, problem_of(failure))


def wants_page(request: Request) -> bool:
    """A person looks at the answer: browsers and htmx ask for HTML, scripts and <img> do not."""
    return "text/html" in request.headers.get("accept", "")


def answer(request: Request, problem: Problem) -> Response:
    shaped: Response | None = request.app.state.shape(request, problem)
    if shaped is None:
        return plain(problem)
    for name, value in problem.headers.items():
        shaped.headers.setdefault(name, value)
    return shaped


def plain(problem: Problem) -> Response:
    return JSONResponse(problem.members(), problem.status, problem.headers, "application/problem+json")


def problem_of(failure: Exception) -> Problem:
    """The problem that an exception is; what nobody foresaw is a 500 that says nothing of it."""
    if isinstance(failure, Refusal):
        return _of_refusal(failure)
    if isinstance(failure, RequestValidationError):
        return _of_validation(failure.errors())
    if isinstance(failure, sa.exc.DataError):  # NUL in a text, a number beyond its column
        return Problem(422, "A value is too large, or holds a character that cannot be stored.")
    if isinstance(failure, DoorRefusal):
        return Problem(failure.status_code, failure.detail, facts=failure.facts, headers=dict(failure.headers or {}))
    if isinstance(failure, HTTPException):  # the framework's own: its words are not for people
        sentence = SENTENCES.get(failure.status_code, HTTPStatus(failure.status_code).phrase + ".")
        return Problem(failure.status_code, sentence, headers=dict(failure.headers or {}))
    return Problem(500, SENTENCES[500])


def _of_refusal(refusal: Refusal) -> Problem:
    status = next(STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)
    headers = {}
    if isinstance(refusal, Unavailable | TooManyTries):
        headers["Retry-After"] = str(refusal.retry_after_s)
    if isinstance(refusal, Unavailable) and refusal.disk_full:
        status = 507
    return Problem(status, refusal.sentence, refusal.field, facts=refusal.facts, headers=headers)


def _of_validation(failures: Sequence[Any]) -> Problem:
    places = [failure["loc"] for failure in failures]
    if any(place[0] == "path" for place in places):  # an id that can be nobody's
        return Problem(404, NOTHING_HERE)
    if any(failure["type"] == "json_invalid" for failure in failures):
        return Problem(400, "The body is not JSON.")
    errors = [
        {"field": ".".join(str(part) for part in place[1:]), "detail": _sentence(failure)}
        for place, failure in zip(places, failures, strict=True)
    ]
    if len(errors) == 1:
        name = errors[0]["field"]
        return Problem(
            422,
            Sentence("{field}: {detail}", field=name, detail=errors[0]["detail"]) if name else errors[0]["detail"],
            name or None,
            errors,
        )
    return Problem(422, Sentence("{n} fields need another look.", n=len(errors)), errors[0]["field"] or None, errors)


NO_OBJECT = ("model_type", "model_attributes_type", "dict_type")


def _sentence(failure: Mapping[str, Any]) -> str:
    """For people, and without repeating what was sent."""
    facts = failure.get("ctx", {})
    known = {
        "missing": "This is missing.",
        **dict.fromkeys(NO_OBJECT, "This should be an object with its own fields."),
        "extra_forbidden": "There is no such field.",
        "string_too_long": Sentence("At most {n} characters, please.", n=facts.get("max_length")),
        "string_too_short": Sentence("At least {n} characters, please.", n=facts.get("min_length")),
        "string_pattern_mismatch": "This is not in the expected form.",
        "literal_error": Sentence("One of {choices}, please.", choices=facts.get("expected")),
        "enum": Sentence("One of {choices}, please.", choices=facts.get("expected")),
    }
    if failure["type"] in known:
        return known[failure["type"]]
    said = str(failure["msg"]).removeprefix("Value error, ").replace("Input should be ", "This should be ", 1)
    said = said.partition(", unable to")[0]
    return said[0].upper() + said[1:].rstrip(".") + "."
