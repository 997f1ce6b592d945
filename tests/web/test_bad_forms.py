"""What no browser sends by itself is refused in a form, or means nothing, and is never a failure of ours."""

import httpx
import pytest

from tests.people import Places, Somebody, set_password
from tests.servers.app import Running
from tests.web import cases

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
REFERRAL = {"family_name": "Otieno", "exam_type": "abdomen", "question": "Gallstones?", "priority": "routine"}


def page(server: Running, who: Somebody) -> httpx.Client:
    return httpx.Client(base_url=server.base_url, headers=who.headers, timeout=30)


@pytest.mark.parametrize("files", ["-1", "null", '"a"', "[" * 100_000])
def test_a_list_of_files_that_is_none_announces_none(server: Running, places: Places, files: str) -> None:
    with page(server, places.referrer) as client:
        assert client.post("/referrals/new", data={**REFERRAL, "files": files}).status_code == 303


@pytest.mark.parametrize("coding", ["undefined", "punycode", "utf-16"])
def test_a_form_in_another_coding_is_refused(server: Running, places: Places, coding: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="question"\r\n\r\n\xff\r\n--x--\r\n'
    headers = {"Content-Type": f"multipart/form-data; boundary=x; charset={coding}"}
    with page(server, places.referrer) as client:
        assert client.post("/referrals/new", content=body, headers=headers).status_code == 415


@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_ends_of_the_calendar_do_not_narrow_the_record(
    server: Running, places: Places, name: str, day: str
) -> None:
    with page(server, places.admin) as client:
        assert client.get("/organization/audit", params={name: day}).status_code == 200


def test_a_sign_in_by_script_goes_on_to_an_address_in_any_letters(server: Running, places: Places) -> None:
    set_password(places.referrer, "right horse battery staple")
    form = {"email": places.referrer.email, "password": "right horse battery staple", "next": "/日本"}
    headers = {"HX-Request": "true", "Sec-Fetch-Site": "same-origin"}
    answer = httpx.post(f"{server.base_url}/sign-in", data=form, headers=headers)
    assert (answer.status_code, answer.headers["hx-redirect"][:1]) == (200, "/")


def test_what_nobody_can_see_is_not_kept_of_a_question(server: Running, places: Places) -> None:
    placed = cases.place(server, places)
    with page(server, places.reviewer) as client:
        client.post(f"/reviews/{placed.review_id}/claim")
        text = "Add\x00 a \u202elong axis."
        assert client.post(f"/reviews/{placed.review_id}/hold", data={"text": text}).status_code == 303
        (message,) = client.get(f"/api/v1/referrals/{placed.referral_id}").json()["messages"]
    assert message["text"] == "Add a long axis."
