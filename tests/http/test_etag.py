"""Nobody overwrites what they have not seen."""

import httpx
import pytest

from app.http.etag import etag
from tests.http.conftest import Door

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
CURRENT, OLDER = etag("thing", 3), etag("thing", 2)


@pytest.mark.parametrize(
    ("if_match", "status"),
    [(None, 428), (OLDER, 412), (f"W/{CURRENT}", 412), ("", 412), ("nonsense", 412), (CURRENT, 200),
     (f"{OLDER}, {CURRENT}", 200), ("*", 200)],
)  # fmt: skip
def test_a_change_says_which_version_it_rests_on(door: Door, if_match: str | None, status: int) -> None:
    answer = httpx.put(f"{door.url}/test/versioned", headers={"If-Match": if_match} if if_match is not None else {})
    assert answer.status_code == status
    if status == 412:
        assert answer.headers["etag"] == CURRENT
        assert answer.json()["changed_by"] == "Dr Wanjiru"
    if status == 428:
        assert answer.json()["etag"] == CURRENT


@pytest.mark.parametrize(
    ("if_none_match", "status"), [(None, 200), (OLDER, 200), (CURRENT, 304), (f"W/{CURRENT}", 304), ("*", 304)]
)
def test_what_the_client_has_is_not_sent_again(door: Door, if_none_match: str | None, status: int) -> None:
    headers = {"If-None-Match": if_none_match} if if_none_match else {}
    answer = httpx.get(f"{door.url}/test/versioned", headers=headers)
    assert (answer.status_code, answer.headers["etag"]) == (status, CURRENT)
