"""A POST sent again is done once, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
import time_machine

from app.access import sweep
from app.access.actor import WORKER
from app.access.models import IdempotencyKey
from app.db import now, reading, transaction
from app.people.models import Organization
from tests.access.accounts import account, everything_kept
from tests.http.conftest import Door
from tests.http.test_actor import bearer
from tests.people import count


class Client:
    """A script of one person, with its key."""

    def __init__(self, door: Door) -> None:
        self.url, self.headers = door.url, bearer(account(), "write", days=5)

    def post(self, key: str | None, path: str = "/test/organizations?name=made", **given: Any) -> httpx.Response:
        headers = {**self.headers, **({"Idempotency-Key": key} if key is not None else {})}
        return httpx.post(f"{self.url}{path}", headers=headers, timeout=30, **given)


@pytest.fixture
def script(door: Door) -> Client:
    return Client(door)


def made() -> int:
    return count(Organization, Organization.name == "made")


def test_the_same_post_again_gives_the_first_answer(script: Client) -> None:
    first, second = script.post("one", json={"a": 1}), script.post("one", json={"a": 1})
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert made() == 1


def test_an_empty_key_is_refused_whatever_the_body_is(script: Client) -> None:
    for given in ({"json": {"a": 1}}, {"data": {"a": "1"}}):
        answer = script.post("", **given)
        assert (answer.status_code, answer.json()["detail"]) == (
            400, "An Idempotency-Key has 1 to 255 printable ASCII characters.",
        )  # fmt: skip
    assert made() == 0


def test_each_post_counts_for_itself_without_a_key_or_with_another(script: Client) -> None:
    for key in (None, None, "one", "two"):
        assert script.post(key).status_code == 201
    assert made() == 4


@pytest.mark.parametrize(
    ("path", "body"), [("/test/organizations?name=made", {"a": 2}), ("/test/slow", {"a": 1})], ids=["body", "path"]
)
def test_a_key_used_for_something_else_is_refused(script: Client, path: str, body: dict[str, int]) -> None:
    script.post("one", json={"a": 1})
    answer = script.post("one", path, json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")
    assert made() == 1


def test_keys_of_two_people_have_nothing_to_do_with_each_other(script: Client, door: Door) -> None:
    other = Client(door)
    assert script.post("one").json()["id"] != other.post("one").json()["id"]


def test_what_failed_is_not_remembered(script: Client) -> None:
    assert script.post("one", "/test/organizations?name=made&fail=true").status_code == 409
    assert (made(), count(IdempotencyKey)) == (0, 0)
    assert script.post("one").status_code == 201


def test_many_at_once_do_it_once(script: Client) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: script.post("one"), range(20)))
    assert {answer.status_code for answer in answers} <= {201, 409}  # 409: still being worked on, ask again
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert made() == 1
    assert script.post("one").headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("column", ["postgresql+s3"], indirect=True)
@pytest.mark.postgres
def test_one_in_progress_is_a_conflict(script: Client, door: Door) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: script.post("one", "/test/slow"), range(2)))
    assert sorted(answer.status_code for answer in answers) == [204, 409]


def test_a_key_is_forgotten_after_a_day(script: Client) -> None:
    first = script.post("one").json()
    with time_machine.travel(now() + timedelta(hours=23)):
        assert script.post("one").json() == first
    with time_machine.travel(now() + timedelta(hours=24, minutes=1)):
        assert script.post("one").json() != first
    assert (made(), count(IdempotencyKey)) == (2, 1)
    with time_machine.travel(now() + timedelta(days=3)), transaction(WORKER) as session:
        sweep.forget_old(session)
    assert count(IdempotencyKey) == 0


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "\xe9"])
def test_a_key_that_cannot_be_one_is_refused(script: Client, key: str) -> None:
    headers = {name.encode(): value.encode() for name, value in script.headers.items()}
    answer = httpx.post(
        f"{script.url}/test/organizations", headers={**headers, b"Idempotency-Key": key.encode("latin-1")}
    )
    assert answer.status_code == 400
    assert made() == 0


def test_a_form_carries_its_key_hidden(script: Client) -> None:
    for _ in range(2):
        assert script.post(None, data={"idempotency_key": "of the form", "text": "a"}).status_code == 201
    assert made() == 1
    assert script.post(None, data={"idempotency_key": "of the form", "text": "b"}).status_code == 422


def test_what_the_body_says_cannot_be_guessed_from_its_fingerprint(script: Client) -> None:
    import hashlib

    body = b'{"password":"zebra-tulip-94"}'
    script.post("one", content=body)
    with reading(WORKER) as session:
        kept = session.query(IdempotencyKey).one().fingerprint
    assert kept != hashlib.sha256(body).hexdigest()
    assert "zebra" not in everything_kept()


def test_a_streamed_body_is_known_by_what_it_declares(script: Client) -> None:
    def fingerprint(**given: str) -> object:
        headers = {
            **script.headers,
            "Idempotency-Key": "one",
            **{name.replace("_", "-"): value for name, value in given.items()},
        }
        answer = httpx.post(f"{script.url}/test/streams", content=b"abc", headers=headers).json()
        assert answer["received"] == 3  # none of it was taken away
        return answer["fingerprint"]

    declared = {"Repr_Digest": "sha-256=:abc=:", "Content_Disposition": 'attachment; filename="a"'}
    assert fingerprint(**declared) == fingerprint(**declared)
    assert len({fingerprint(**declared), fingerprint(Repr_Digest="sha-256=:abd=:"), fingerprint()}) == 3
