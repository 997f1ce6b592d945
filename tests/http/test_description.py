"""The OpenAPI document: examples that fit, refusals as they are answered, who may, and every header that is read."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import TypeAdapter

from app.config import Settings
from app.http.description import BINARY, JSON, PROBLEM, SCHEMES, UNSAID, ProblemBody
from app.main import create_app

APP = create_app(Settings())
DOCUMENT: dict[str, Any] = APP.openapi()
OPEN_TO_ALL = {("get", "/healthz"), ("get", "/readyz"), ("get", "/api/v1/exam-types")}
Operation = tuple[str, str]
OPERATIONS = {(method, path): one for path, methods in DOCUMENT["paths"].items() for method, one in methods.items()}


def routes() -> Iterator[tuple[Operation, APIRoute]]:
    for context in iter_route_contexts(APP.routes):
        route, path = context.original_route, context.path_format or ""
        if isinstance(route, APIRoute):
            yield from (
                ((method.lower(), path), route)
                for method in route.methods or ()
                if (method.lower(), path) in OPERATIONS
            )


def example(media: dict[str, Any]) -> Any:
    name = media["schema"].get("$ref", "").rpartition("/")[2]
    return (DOCUMENT["components"]["schemas"][name] if name else media["schema"])["examples"][0]


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts(one)
    elif isinstance(value, str):
        yield value


def test_every_json_answer_and_every_json_body_has_an_example_that_fits() -> None:
    seen = 0
    for operation, route in routes():
        model: Any
        content = OPERATIONS[operation]["responses"].get(str(route.status_code or 200), {}).get("content", {})
        if JSON in content:
            model = route.response_model
            TypeAdapter(model).validate_python(given := example(content[JSON]))
            assert given, operation
            assert UNSAID not in texts(given), (operation, given)
            seen += 1
        body = OPERATIONS[operation].get("requestBody", {"content": {}})["content"]
        if JSON in body:
            assert route.body_field is not None
            model = route.body_field.field_info.annotation
            TypeAdapter(model).validate_python(given := example(body[JSON]))
            assert given, operation
            assert UNSAID not in texts(given), (operation, given)
            seen += 1
    assert seen > 50


def test_every_refusal_is_described_as_it_is_answered() -> None:
    for operation, described in OPERATIONS.items():
        refused = {status: one for status, one in described["responses"].items() if int(status) >= 400}
        for status, one in refused.items():
            if operation[1] == "/readyz":
                continue  # says which part is away, to whoever runs it
            media = one["content"][PROBLEM]
            assert media["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert ProblemBody.model_validate(media["example"]).status == int(status)
        wanted = set()
        if operation not in OPEN_TO_ALL:
            wanted |= {"401", "403", "503"}
        if "{" in operation[1]:
            wanted |= {"404"}
        if "requestBody" in described:
            wanted |= {"409", "413", "422"}
        assert wanted <= refused.keys(), operation
    assert "HTTPValidationError" not in str(DOCUMENT)


def test_every_other_answer_says_its_kind() -> None:
    for operation, described in OPERATIONS.items():
        for status, one in described["responses"].items():
            if status in ("200", "201", "202"):
                assert one["content"], (operation, status)
                for kind, media in one["content"].items():
                    is_bytes = kind not in (JSON, "application/dicom+json")
                    assert (media["schema"] == BINARY) == is_bytes, (operation, kind)
                    assert is_bytes or example(media), (operation, kind)


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_whatever_asks_who_one_is_says_by_what(operation: Operation) -> None:
    said = OPERATIONS[operation].get("security", [])
    assert said == ([] if operation in OPEN_TO_ALL else [{name: []} for name in SCHEMES])
    assert DOCUMENT["components"]["securitySchemes"] == SCHEMES


@pytest.mark.parametrize(
    ("operation", "wanted"),
    [
        (("post", "/api/v1/referrals/{referral_id}/files"), {"content-disposition", "repr-digest", "idempotency-key"}),
        (("patch", "/api/v1/referrals/{referral_id}"), {"if-match"}),
        (("put", "/api/v1/reviews/{review_id}/report"), {"if-match"}),
        (("post", "/api/v1/reviews/{review_id}/sign"), {"if-match", "idempotency-key"}),
    ],
)
def test_the_headers_that_count_are_described(operation: Operation, wanted: set[str]) -> None:
    described = OPERATIONS[operation]
    assert {one["name"].lower() for one in described["parameters"] if one["in"] == "header"} == wanted
    if "if-match" in wanted:
        assert {"412", "428"} <= described["responses"].keys()


def test_instances_are_stored_by_a_described_body() -> None:
    for path in ("/dicom-web/studies", "/dicom-web/studies/{study_uid}"):
        body = OPERATIONS["post", path]["requestBody"]
        assert body["required"]
        assert 'multipart/related; type="application/dicom"' in body["content"]


def test_nothing_but_the_actor_is_worked_out_for_a_request() -> None:
    """A scheme that only the document needs costs no turn of the dependency tree."""
    names = {one.call.__name__ for _, route in routes() for one in flat(route.dependant) if one.call is not None}
    assert names == {"actor", "signed_in", "request_key"}


def flat(dependant: Any) -> Iterator[Any]:
    for one in dependant.dependencies:
        yield one
        yield from flat(one)
