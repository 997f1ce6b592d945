"""What PostgreSQL cannot store is the sender's mistake, not ours."""

import httpx
import pytest

from tests.access.accounts import account
from tests.http.conftest import Door
from tests.http.test_actor import bearer


@pytest.mark.postgres
@pytest.mark.parametrize("column", ["postgresql+s3"], indirect=True)
def test_a_character_that_cannot_be_stored_is_refused(door: Door) -> None:
    answer = httpx.post(f"{door.url}/test/nul", data={"text": "a\x00b"}, headers=bearer(account(), "write"))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
