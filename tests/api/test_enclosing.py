"""A file of the reader's own by the JSON door: after its message, once under a key, within its limits."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests import people
from tests.people import Places
from tests.servers.app import Running, bound, serving
from tests.studies.sent import a_dicom, a_jpeg
from tests.web import cases

NAME = "hold it so.jpg"


class Writer:
    """The reader of a case, who has written a message in it."""

    def __init__(self, server: Running, places: Places) -> None:
        self.placed = cases.place(server, places, ("a.jpg", cases.jpeg()))
        self.places, self.server = places, server
        with cases.client_of(server, places.reviewer) as client:
            said = cases.ok(client.post(f"/reviews/{self.placed.review_id}/say", json={"text": "Hold it so."}), 201)
        assert said["enclosures"] == []
        self.path = f"/reviews/{self.placed.review_id}/messages/{said['id']}/files"

    def add(self, body: bytes, key: str | None = None) -> httpx.Response:
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{NAME.replace(' ', '%20')}"}
        headers |= {"Idempotency-Key": key} if key else {}
        with cases.client_of(self.server, self.places.reviewer) as client:
            return client.post(self.path, content=body, headers=headers)

    def referral(self) -> Any:
        with cases.client_of(self.server, self.places.referrer) as client:
            return cases.ok(client.get(f"/referrals/{self.placed.referral_id}"))


def test_it_follows_its_message_and_the_clinic_fetches_it_as_it_came(server: Running, places: Places) -> None:
    writer, body = Writer(server, places), a_jpeg()
    made = cases.ok(writer.add(body), 201)
    assert (made["name"], made["kind"], made["size_bytes"]) == (NAME, "jpeg", len(body))
    found = writer.referral()
    assert found["messages"][0]["enclosures"] == [made]
    assert (found["arrived_count"], len(found["files"]), len(found["instance_ids"])) == (1, 1, 1)
    with httpx.Client(base_url=server.base_url, headers=places.referrer.headers) as clinic:
        fetched = clinic.get(made["original"])
        assert (fetched.content, fetched.headers["content-type"]) == (body, "image/jpeg")
        assert fetched.headers["content-disposition"] == "attachment; filename*=UTF-8''hold%20it%20so.jpg"
    with httpx.Client(base_url=server.base_url, headers=places.stranger_referrer.headers) as stranger:
        assert stranger.get(made["original"]).status_code == 404


def test_sent_again_it_is_once_with_its_key_and_without(server: Running, places: Places) -> None:
    writer, body, key = Writer(server, places), a_jpeg(), str(uuid4())
    first, again = writer.add(body, key), writer.add(body, key)
    assert (first.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert writer.add(body).json() == first.json()
    assert len(writer.referral()["messages"][0]["enclosures"]) == 1


def test_what_is_refused_says_why_and_nothing_of_it_is_kept(server: Running, places: Places) -> None:
    writer = Writer(server, places)
    for body, sentence in ((a_dicom(), "Only JPEG, PNG, MP4 and PDF"), (a_jpeg()[:-9], "This file was cut off")):
        refused = writer.add(body, str(uuid4()))
        assert (refused.status_code, sentence in refused.json()["detail"]) == (422, True)
    assert writer.referral()["messages"][0]["enclosures"] == []


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
def test_its_own_limit_is_named_and_is_not_that_of_the_clinic_s_files(environment: dict[str, str]) -> None:
    limits = {"SONOPOST_MAX_ENCLOSURE_BYTES": str(1 << 20)}
    with serving(environment | limits) as server, bound(environment):
        writer = Writer(server, people.places())
        refused = writer.add(bytes(2 << 20))
        assert (refused.status_code, refused.json()["detail"]) == (413, "The file is larger than 1 MB, the limit here.")
        assert writer.add(a_jpeg()).status_code == 201
