"""What the referrer took back, or has yet to say whose it is, is not the reader's to see."""

import uuid
from typing import Any

import pytest

from tests.conformance.dicomweb import get, parts_of, value
from tests.people import Places
from tests.servers.app import Running
from tests.studies.sent import a_dicom
from tests.web.cases import Placed, client_of, jpeg, ok, pdf, place, send


def files(server: Running, places: Places, placed: Placed) -> list[Any]:
    """As the reader is told of them."""
    with client_of(server, places.reviewer) as reader:
        return list(ok(reader.get(f"/referrals/{placed.referral_id}"))["files"])


@pytest.mark.parametrize(
    ("name", "body", "kind", "views"),
    [
        ("a.jpg", jpeg(), "instance", ("", "/preview", "/frames/1", "/original")),
        ("a.pdf", pdf(), "document", ("", "/pages/1", "/original")),
    ],
)
def test_a_file_taken_back_is_seen_by_its_own_organization_alone(
    server: Running, places: Places, name: str, body: bytes, kind: str, views: tuple[str, ...]
) -> None:
    placed = place(server, places)
    item = send(server, places, placed.referral_id, name, body)
    paths = [f"/{kind}s/{item[f'{kind}_id']}{view}" for view in views]
    with client_of(server, places.reviewer) as reader, client_of(server, places.referrer) as sender:
        assert {reader.get(path).status_code for path in paths} == {200}
        withdraw = f"/referrals/{placed.referral_id}/files/{item['id']}/withdraw"
        ok(sender.post(withdraw, json={"reason": "Wrong file."}))
        assert {reader.get(path).status_code for path in paths} == {404}
        assert {sender.get(path).status_code for path in paths} == {200}


def test_a_file_sent_again_is_seen_again(server: Running, places: Places) -> None:
    placed, body = place(server, places), a_dicom()
    item = send(server, places, placed.referral_id, "a.dcm", body)
    with client_of(server, places.reviewer) as reader, client_of(server, places.referrer) as sender:
        ok(sender.post(f"/referrals/{placed.referral_id}/files/{item['id']}/withdraw", json={"reason": "Wrong file."}))
        again = send(server, places, placed.referral_id, "a.dcm", body)
        assert again["instance_id"] == item["instance_id"]
        assert reader.get(f"/instances/{item['instance_id']}/original").status_code == 200


def test_the_patient_that_a_held_file_names_is_shown_to_the_sender_alone(server: Running, places: Places) -> None:
    placed = place(server, places)
    item = send(server, places, placed.referral_id, "a.dcm", a_dicom(patient="Wekesa^Peter"))
    assert (item["status"], item["identity"]["file"]["name"]) == ("held", "Wekesa^Peter")
    (told,) = files(server, places, placed)
    assert (told["status"], told["identity"]) == ("held", {"verdict": "mismatch"})
    with client_of(server, places.reviewer) as reader:
        page = reader.get(f"{server.base_url}/referrals/{placed.referral_id}", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "Wekesa" not in page.text


def test_what_was_taken_back_is_gone_from_dicomweb_and_its_counts(server: Running, places: Places) -> None:
    """PS3.18 10.4 and 10.6 show what the pages show; its own organization keeps it."""
    placed, study = place(server, places), f"2.25.{uuid.uuid4().int}"
    kept, wrong = (send(server, places, placed.referral_id, f"{n}.dcm", a_dicom(study=study)) for n in (1, 2))
    with client_of(server, places.referrer) as sender:
        withdraw = f"/referrals/{placed.referral_id}/files/{wrong['id']}/withdraw"
        uids = [ok(sender.get(f"/instances/{one['instance_id']}"))["sop_instance_uid"] for one in (kept, wrong)]
        ok(sender.post(withdraw, json={"reason": "Wrong file."}))
    series = f"/studies/{study}/series/{study}.2"
    for who, seen in ((places.reviewer, uids[:1]), (places.referrer, uids)):
        found = {
            path: get(server, who, path).json() for path in ("/studies", "/series", "/instances", f"{series}/metadata")
        }
        assert (value(found["/studies"][0], "00201208"), value(found["/series"][0], "00201209")) == (
            len(seen),
            len(seen),
        )
        for path in ("/instances", f"{series}/metadata"):
            assert [value(one, "00080018") for one in found[path]] == seen
        assert len(parts_of(get(server, who, f"/studies/{study}", "*/*"))) == len(seen)
        for tail in ("", "/metadata", "/frames/1", "/rendered", "/thumbnail", "/bulkdata/7FE00010"):
            answer = get(server, who, f"{series}/instances/{uids[1]}{tail}", "*/*")
            assert answer.status_code == (200 if uids[1] in seen else 404), tail
