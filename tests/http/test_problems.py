"""Every refusal has one shape, and none says more than it should."""

import json
from uuid import uuid4

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.http.problems import Problem, install, wants_page
from tests.http.conftest import REFUSALS, WORDS, Door

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
EXPECTED = {
    "invalid": 422, "forbidden": 403, "not-found": 404, "conflict": 409, "too-large": 413, "unavailable": 503, "disk-full": 507
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_each_refusal_has_its_status_and_its_sentence(door: Door, name: str) -> None:
    answer = httpx.get(f"{door.url}/test/refusals/{name}")
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"]) == (EXPECTED[name], EXPECTED[name])
    assert problem["detail"] == REFUSALS[name].sentence
    assert problem["type"] == "about:blank"
    assert problem["title"]


def test_a_refusal_carries_its_field_and_its_facts(door: Door) -> None:
    invalid = httpx.get(f"{door.url}/test/refusals/invalid").json()
    assert invalid["field"] == "patient.sex"
    assert invalid["choices"] == ["00000000-0000-0000-0000-000000000007"]
    conflict = httpx.get(f"{door.url}/test/refusals/conflict").json()
    assert conflict["who"] == "Dr Wanjiru"
    assert conflict["status"] == 409  # a fact never hides a member of the shape


def test_what_may_work_later_says_when(door: Door) -> None:
    assert httpx.get(f"{door.url}/test/refusals/unavailable").headers["retry-after"] == "7"
    assert httpx.get(f"{door.url}/test/refusals/disk-full").headers["retry-after"]


def test_each_wrong_field_is_named_with_a_sentence_and_not_repeated(door: Door) -> None:
    answer = httpx.post(f"{door.url}/test/given", json={"patient": {"sex": WORDS, "weeks": WORDS}})
    problem = answer.json()
    assert answer.status_code == 422
    assert [error["field"] for error in problem["errors"]] == ["patient.sex", "patient.weeks"]
    assert problem["errors"][1]["detail"] == "This should be a valid integer."
    assert WORDS not in answer.text
    shape = httpx.post(f"{door.url}/test/given", json={"patient": WORDS})
    assert shape.json()["detail"] == "patient: This should be an object with its own fields."
    assert WORDS not in shape.text
    missing = httpx.post(f"{door.url}/test/given", json={"patient": {"sex": "male"}}).json()
    assert (missing["field"], missing["errors"][0]["detail"]) == ("patient.weeks", "This is missing.")


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b'{"patient": NaN'])
def test_a_body_that_is_no_json_is_a_bad_request(door: Door, body: bytes) -> None:
    answer = httpx.post(f"{door.url}/test/given", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_id_that_can_be_nobodys_is_as_unknown_as_one_that_is_nobodys(door: Door) -> None:
    answers = [
        httpx.get(f"{door.url}{path}") for path in ("/test/things/nonsense", "/test/refusals/not-found", "/nowhere")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


def test_a_wrong_method_says_which_are_right(door: Door) -> None:
    answer = httpx.put(f"{door.url}/healthz")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/test/broken", "/test/broken-in-the-middle"])
def test_what_nobody_foresaw_tells_nothing_outside_and_only_its_place_inside(
    door: Door, path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    if path.endswith("middle"):
        with pytest.raises(httpx.RemoteProtocolError):  # cut off, so that nobody takes the half for the whole
            httpx.get(f"{door.url}{path}")
    else:
        answer = httpx.get(f"{door.url}{path}")
        assert answer.status_code == 500
        assert WORDS not in answer.text
        assert "Zero" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
    logged = capfd.readouterr()
    assert WORDS not in logged.out + logged.err
    assert "ZeroDivisionError" in logged.out + logged.err


def test_a_refusal_is_told_even_when_its_page_cannot_be_drawn(door: Door) -> None:
    def broken(_request: Request, _problem: Problem) -> Response | None:
        raise ZeroDivisionError(WORDS)

    install(door.app, broken)
    for path, status in (("/test/refusals/conflict", 500), ("/test/broken", 500)):
        answer = httpx.get(f"{door.url}{path}")
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert WORDS not in answer.text


def test_a_page_may_give_refusals_its_own_shape(door: Door) -> None:
    def shape(request: Request, problem: Problem) -> Response | None:
        if request.url.path.startswith("/api/") or not wants_page(request):
            return None
        return HTMLResponse(f"<h1>{problem.title}</h1>{problem.sentence}", problem.status)

    install(door.app, shape)
    page = httpx.get(f"{door.url}/test/refusals/unavailable", headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("text/html")
    assert "Away." in page.text
    assert page.headers["retry-after"] == "7"
    for headers, path in (({"Accept": "*/*"}, f"/test/things/{uuid4()}x"), ({"Accept": "text/html"}, "/api/v1/me")):
        assert json.loads(httpx.get(f"{door.url}{path}", headers=headers).text)["status"] in (401, 404)
