"""How an image was seen only grows, is each reader's own, and is of an image of the case."""

from uuid import uuid4

from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.cases import client_of, ok


def test_exact_is_never_a_preview_again(server: Running, places: Places) -> None:
    placed = cases.place(server, places, ("a.jpg", cases.jpeg()), ("b.jpg", cases.jpeg(90)))
    with client_of(server, places.reviewer) as client, client_of(server, places.second_reviewer) as colleague:
        first, second = ok(client.get(f"/referrals/{placed.referral_id}"))["instance_ids"]
        address = f"/reviews/{placed.review_id}/seen"
        for how, expected in (("preview", "preview"), ("exact", "exact"), ("preview", "exact")):
            assert ok(client.put(address, json={"seen": {first: how}})) == {"seen": {first: expected}}
        assert ok(client.put(address, json={"seen": {second: "preview"}}))["seen"] == {
            first: "exact",
            second: "preview",
        }
        assert ok(colleague.get(address)) == {"seen": {}}
        for other in (str(uuid4()), first + "x" * 20, ""):
            assert ok(client.put(address, json={"seen": {other: "exact"}}))["seen"].keys() == {first, second}
        assert client.put(address, json={"seen": {first: "felt"}}).status_code == 422
    with client_of(server, places.referrer) as clinic:
        assert clinic.get(address).status_code == 404
