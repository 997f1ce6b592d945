"""What the OpenAPI document says beyond the signatures: who may, what is refused and how, and an example of each body."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel

from app.http.actor import SECURE, actor, signed_in
from app.http.problems import SENTENCES

Json = dict[str, Any]
PROBLEM, JSON = "application/problem+json", "application/json"
BINARY = {"type": "string", "format": "binary"}
SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer spt_…`: an API token"},
    "browser": {"type": "apiKey", "in": "cookie", "name": SECURE, "description": "A signed-in browser"},
}
ID, MOMENT = "0199a5b2-7c1e-7d3a-9f40-2b6c8d1e5f70", "2026-11-26T09:30:00Z"
UNSAID = "…"  # a text that nobody gave an example for
PLAIN: dict[str, Any] = {"integer": 1, "number": 33.3, "boolean": False, "object": {}, "string": UNSAID, "null": None}
REFUSED = {
    400: SENTENCES[400],
    401: "Sign in first.",
    403: "Your role here does not allow this.",
    404: SENTENCES[404],
    406: "This is not to be had in a form that you accept.",
    409: "This does not go together with how it stands.",
    412: "It has changed since you last saw it.",
    413: "This is larger than may be sent.",
    415: "This kind of content is not taken.",
    422: "question: This is missing.",
    428: "Say with If-Match which version this changes.",
    429: "Too many tries. Wait a little.",
    503: "The store does not answer. Nothing was changed; try again.",
    507: "There is no room for more files at the moment.",
}


class FieldProblem(BaseModel):
    field: str
    detail: str


class ProblemBody(BaseModel):
    """RFC 9457. Beside these there may be what the caller needs to go on: who, when, which `etag`, what to choose from."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    errors: list[FieldProblem] | None = None


def answered(*media_types: str) -> dict[int | str, Json]:
    """The `responses=` of an endpoint whose answer is bytes of one of these kinds."""
    return {200: {"content": {kind: {"schema": BINARY} for kind in media_types}}}


def header(name: str, says: str, example: str) -> Json:
    """One of `openapi_extra`'s parameters, for what an endpoint reads from the request itself."""
    return {
        "name": name, "in": "header", "required": False, "description": says, "example": example,
        "schema": {"type": "string"},
    }  # fmt: skip


def install(app: FastAPI, examples: Mapping[str, Any]) -> None:
    """`examples` are of fields, by name, or by `Schema.name` where the name alone means several things."""
    written = app.openapi

    def described() -> Json:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(app, written(), examples)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI has it extended


def _completed(app: FastAPI, document: Json, examples: Mapping[str, Any]) -> Json:
    components = document.setdefault("components", {})
    components["securitySchemes"] = SCHEMES
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):  # the framework's; no door answers so
        schemas.pop(name, None)
    made = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(made.pop("$defs"), Problem=made)
    protected = set(_protected(app))
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            is_protected = (method.upper(), path) in protected
            if is_protected:
                operation["security"] = [{name: []} for name in SCHEMES]
            said = operation["responses"]
            said.pop("422", None)
            for status in _refused(method, path, operation, is_protected):
                answer = said.setdefault(str(status), {"description": HTTPStatus(status).phrase})
                _refuse(answer, status)
    for name, schema in schemas.items():
        if "example" in schema:
            schema["examples"] = [schema.pop("example")]
        schema["examples"] = [_example(schema, schemas, examples, name)]
    return document


def _protected(app: FastAPI) -> Iterator[tuple[str, str]]:
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and _asks_who(route.dependant):
            yield from ((method, context.path_format or "") for method in route.methods or ())


def _asks_who(dependant: Any) -> bool:
    return any(one.call in (actor, signed_in) or _asks_who(one) for one in dependant.dependencies)


def _refused(method: str, path: str, operation: Json, is_protected: bool) -> list[int]:
    """By what the operation takes: fields, a body, an id in its address, the version that it rests on."""
    headers = {one["name"].lower() for one in operation.get("parameters", ()) if one["in"] == "header"}
    has_body, is_dicom = "requestBody" in operation, path.startswith("/dicom-web")
    takes_fields = has_body or any(one["in"] == "query" for one in operation.get("parameters", ()))
    found = {
        400: has_body or is_dicom, 401: is_protected, 403: is_protected, 404: "{" in path, 406: is_dicom and method == "get",
        409: method != "get" or path.endswith("/report") or is_dicom, 412: "if-match" in headers, 413: has_body,
        415: has_body, 422: takes_fields or "idempotency-key" in headers, 428: "if-match" in headers,
        429: path.endswith(("/sign", "/tokens")) and method == "post", 503: is_protected,
        507: has_body and JSON not in operation["requestBody"]["content"],
    }  # fmt: skip
    return [status for status, may_be in found.items() if may_be]


def _refuse(answer: Json, status: int) -> None:
    title = HTTPStatus(status).phrase
    example = {"type": "about:blank", "title": title, "status": status, "detail": REFUSED[status]}
    schema = {"$ref": "#/components/schemas/Problem"}
    answer.setdefault("content", {})[PROBLEM] = {"schema": schema, "example": example}
    if status in (429, 503, 507):
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds"}}


def _example(schema: Json, schemas: Json, examples: Mapping[str, Any], name: str, within: tuple[str, ...] = ()) -> Any:
    """The schema's own, or one composed of those of its fields; what holds itself holds nothing of itself here."""
    if "$ref" in schema:
        target = schema["$ref"].rpartition("/")[2]
        return None if target in within else _example(schemas[target], schemas, examples, target, (*within, target))
    own = schema.get("examples") or schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    field = name.rpartition(".")[2]
    if own or name in examples or field in examples:
        return own[0] if own else examples.get(name, examples.get(field))
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], schemas, examples, name, within)
    if "properties" in schema:
        kind = name.rpartition(".")[0] or name
        fields = schema["properties"].items()
        return {key: _example(one, schemas, examples, f"{kind}.{key}", within) for key, one in fields}
    if schema.get("type") == "array":
        one = _example(schema["items"], schemas, examples, name, within)
        return [] if one is None else [one]
    return {"uuid": ID, "date-time": MOMENT}.get(schema.get("format", ""), PLAIN[schema.get("type", "object")])
