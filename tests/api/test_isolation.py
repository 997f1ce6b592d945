"""Every route of the JSON door, made from its own description: strangers learn nothing, and nobody's bytes are taken."""

import http.client
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa

from app.access import invite
from app.access.actor import OPERATOR
from app.access.models import Passkey
from app.db import now, transaction
from app.people.models import Role
from app.referrals.models import OutboxDiscard
from app.reviews import merge
from app.reviews.opinion import SecondOpinion
from app.studies import conflicts
from app.studies.models import InstanceConflict
from tests import people
from tests.faults.mortal import PASSWORD, Drafted, client_of, drafted, ok, send, sign
from tests.people import Places, Somebody
from tests.referrals.test_place import placed
from tests.servers.app import Running
from tests.studies.sent import a_dicom, a_jpeg, a_pdf

EXAM_TYPES = "/api/v1/exam-types"
NAMES = ("referral_id", "review_id", "report_id", "instance_id", "document_id", "file_id", "study_id", "notification_id",
         "token_id", "invitation_id", "patient_id", "into_patient_id", "merge_id", "organization_id", "job_id",
         "measurement_id", "machine_key", "upload_id", "finding_id", "passkey_id", "person_id", "conflict_id",
         "opinion_id", "discard_id", "macro_id", "message_id", "enclosure_id")  # fmt: skip
IDS = {name: str(uuid4()) for name in NAMES} | {"number": "1", "code": "abdomen"}
Route = tuple[str, str]

# What each route wants to read before it can do anything: a new one with a body needs its line here.
BODIES: dict[str, object] = {
    "/cancel": {"reason": "Why?"}, "/withdraw": {"reason": "Why?"}, "/enter-in-error": {"reason": "Why?"},
    "/assign": {"person_id": str(uuid4())}, "/hold": {"text": "What?"}, "/reply": {"text": "That."},
    "/say": {"text": "That."}, "/me": {"mails": "digest"},
    "/decline": {"reason": "Why?", "advice": "What now?"}, "/amend": {"kind": "amended", "reason": "Why?"},
    "/sign": {"password": PASSWORD, "images_sha256": "0" * 64}, "/report": {"findings": "Mine."},
    "/referrals/{referral_id}": {"question": "Mine?"}, "/attach": {"referral_id": str(uuid4())},
    "/move": {"referral_id": str(uuid4())}, "/name": {"family_name": "Mine"}, "/merge": {"into_patient_id": str(uuid4())},
    "/announce-merge": {"into_patient_id": str(uuid4())}, "/right-patient": {"patient": {"family_name": "Mine"}},
    "/deadlines": {"stat_min": 60}, "/clock": {"time_zone": "UTC"},
    "/measurements": {"kind": "length", "points": [[1, 1], [9, 9]]}, "/expect": {"files": [{"name": "a.dcm"}]},
    "/report-templates/{code}": {"code": "abdomen", "title": {"en": "A"}, "sections": [
        {"code": "a", "title": {"en": "A"}, "items": [{"code": "b", "label": {"en": "B"}, "kind": "text"}]}]},
    "/seen": {"seen": {}}, "/pregnancy": {"basis": "lmp", "lmp": "2026-09-07"},
    "/accept": {"edd": "2027-06-14"}, "/join": {"pregnancy_id": str(uuid4())}, "/end": {"ended_on": "2026-11-20"},
    "/day": {"examined_on": "2026-11-20"},
    "/critical-findings": {"code": "ectopic"}, "/read-back": {"text": "Understood."},
    "/communicate": {"received_by": "Sr Achieng", "method": "telephone"}, "/critical-list": {"grades": {}},
    "/opinions": {"question": "A septum?"}, "/give": {"text": "Yes.", "agrees": True},
    "/supervision": {"is_supervised": True}, "/sign-options": {"images_sha256": "0" * 64},
    "/send-on": {}, "/send-back": {"text": "Measure it again."}, "/outbox/key": {},
    "/discards": {"key": "k", "files": 1, "size_bytes": 1, "written_at": "2026-11-26T09:30:00Z",
                  "discarded_at": "2026-11-26T10:30:00Z"},
}  # fmt: skip


@pytest.fixture
def routes(server: Running) -> list[Route]:
    described = httpx.get(f"{server.base_url}/api/v1/openapi.json", timeout=30).json()["paths"]
    return [(method, path) for path, methods in described.items() for method in methods if path.startswith("/api/v1/")]


@pytest.fixture
def known(server: Running, places: Places) -> dict[str, str]:
    """A case with everything in it, by the names of the routes' parameters."""
    people.set_password(places.reviewer, PASSWORD)
    with (
        client_of(server.base_url, places.referrer) as referrer,
        client_of(server.base_url, places.reviewer) as reviewer,
    ):
        case = drafted(referrer, reviewer)
        signed = ok(sign(reviewer, case, key=str(uuid4())))
        document = ok(send(referrer, case.referral_id, a_pdf(), "letter.pdf"), 201)
        seen = ok(referrer.get(f"/referrals/{case.referral_id}"))
        image = f"/instances/{seen['instance_ids'][0]}/measurements"
        macro = ok(reviewer.post("/macros", json={"word": "gb", "text": "Thin-walled."}), 201)
        measured = ok(reviewer.post(image, json=BODIES["/measurements"]), 201)
        message = ok(reviewer.post(f"/reviews/{case.review_id}/say", json=BODIES["/say"]), 201)
        beside = reviewer.post(f"/reviews/{case.review_id}/messages/{message['id']}/files", content=a_jpeg())
        critical = f"/reviews/{case.review_id}/critical-findings"
        raised = ok(reviewer.post(critical, json=BODIES["/critical-findings"]), 201)
        begun = {"Tus-Resumable": "1.0.0", "Upload-Length": "10"}
        upload = referrer.post(f"{server.base_url}/uploads", headers=begun).headers["location"]
        token = ok(referrer.get("/tokens"))["items"][0]
        notification = ok(referrer.get("/notifications"))["items"][0]
        uid = f"2.25.{uuid4().int}"
        for size in (32, 33):
            ok(send(referrer, case.referral_id, a_dicom(uid, size=size), f"{size}.dcm"), 201)
    with transaction(OPERATOR) as session:
        invitation = invite.invite(session, OPERATOR, places.hospital, "sr.achieng@example.org", Role.REVIEWER)[0].id
        aside = sa.select(InstanceConflict.id).where(InstanceConflict.organization_id == places.clinic)
        conflict = session.scalars(aside).one()
        conflicts.settle(
            session, places.referrer.actor, conflict
        )  # else it needs attention, rightly, of their admin too
    return {
        "referral_id": case.referral_id, "review_id": case.review_id, "report_id": signed["report_id"],
        "instance_id": seen["instance_ids"][0], "document_id": document["document_id"],
        "file_id": document["id"], "study_id": seen["study_ids"][0], "notification_id": notification["id"],
        "token_id": token["id"], "invitation_id": str(invitation), "number": "1", "patient_id": seen["patient"]["id"],
        **merged(places, seen["patient"]["id"]), "job_id": str(uuid4()), "organization_id": str(places.hospital),
        "conflict_id": str(conflict),
        "measurement_id": measured["id"], "machine_key": "9.8.7", "upload_id": upload.rpartition("/")[2],
        "code": "abdomen", "macro_id": macro["id"], "message_id": message["id"], "enclosure_id": ok(beside, 201)["id"],
        "finding_id": raised["id"], "passkey_id": str(passkey_of(places)),
        "person_id": str(places.reviewer.id), "opinion_id": str(opinion_of(places, case)), "discard_id": discarded(places),
    }  # fmt: skip


def opinion_of(places: Places, case: Drafted) -> UUID:
    with transaction(OPERATOR) as session:
        made = SecondOpinion(id=uuid4(), organization_id=places.hospital, asked_organization_id=places.hospital, question="?",
                             asked_person_id=places.second_reviewer.id, referral_id=UUID(case.referral_id),
                             review_id=UUID(case.review_id), person_id=places.reviewer.id)  # fmt: skip
        session.add(made)
    return made.id


def passkey_of(places: Places) -> UUID:
    with transaction(OPERATOR) as session:
        made = Passkey(
            id=uuid4(), person_id=places.reviewer.id, credential_id=uuid4().hex, public_key="", sign_count=0, name="A"
        )
        session.add(made)
    return made.id


def discarded(places: Places) -> str:
    moment = now()
    with transaction(OPERATOR) as session:
        row = OutboxDiscard(organization_id=places.hospital, person_id=places.reviewer.id, key="k", files=1, size_bytes=1,
                            written_at=moment, discarded_at=moment)  # fmt: skip
        session.add(row)
        session.flush()
        return str(row.id)


def merged(places: Places, patient_id: str) -> dict[str, str]:
    """Another record of theirs, merged into this one and apart again."""
    coordinator = people.somebody(places.clinic, Role.COORDINATOR).actor
    again = placed(places.referrer, patient={"given_name": "Jane", "family_name": "Otieno"})
    with transaction(coordinator) as session:
        row = merge.merge(session, coordinator, again.patient_id, UUID(patient_id))
        session.flush()
        merge.undo(session, coordinator, row.id)
    return {"into_patient_id": str(again.patient_id), "merge_id": str(row.id)}


def asked(client: httpx.Client, route: Route, ids: dict[str, str], sent: bytes | None = None) -> httpx.Response:
    method, path = route
    suffix = next((one for one in BODIES if path.endswith(one)), None)
    body: dict[str, Any] = {}
    if sent is not None:
        body = {"content": sent, "headers": {"Content-Type": "application/json"}}
    elif path.endswith("/files"):
        body = {"content": b"bytes", "headers": {"Content-Disposition": 'attachment; filename="a"'}}
    elif suffix and method != "get":
        body = {"json": BODIES[suffix]}
    return client.request(method, path.format(**ids), **body)


def strangers(server: Running, places: Places) -> Iterator[tuple[str, httpx.Client]]:
    admin_elsewhere = people.somebody(places.stranger, Role.ADMIN)
    everybody: dict[str, Somebody] = {
        "a referrer elsewhere": places.stranger_referrer, "a reviewer elsewhere": places.stranger_reviewer,
        "an admin elsewhere": admin_elsewhere, "the clinic's own admin": places.admin,
    }  # fmt: skip
    for name, who in everybody.items():
        with httpx.Client(base_url=server.base_url, headers=who.headers, timeout=30) as client:
            yield name, client


def test_what_is_another_organizations_is_as_if_it_did_not_exist(
    server: Running, places: Places, routes: list[Route], known: dict[str, str]
) -> None:
    wrong = []
    for name, client in strangers(server, places):
        for route in routes:
            if "{" not in route[1]:
                continue
            theirs, absent = asked(client, route, known), asked(client, route, IDS)
            if (theirs.status_code, theirs.text) != (404, absent.text) or absent.status_code != 404:
                wrong.append((name, *route, theirs.status_code, absent.status_code, theirs.text[:120]))
    assert wrong == []


def test_a_foreign_file_in_an_own_referral_does_not_exist(
    server: Running, places: Places, routes: list[Route], known: dict[str, str]
) -> None:
    hospital = people.organization("Another reader")
    theirs = people.somebody(people.organization("Another clinic", read_by=hospital), Role.REFERRER)
    with client_of(server.base_url, theirs) as client:
        mine = ok(
            client.post("/referrals", json={"patient": {"name_unknown": True}, "exam_type": "fast", "question": "?"}),
            201,
        )
    with httpx.Client(base_url=server.base_url, headers=theirs.headers) as client:
        nested = [route for route in routes if "{file_id}" in route[1] and "{referral_id}" in route[1]]
        assert nested
        for route in nested:
            assert asked(client, route, known | {"referral_id": mine["id"]}).status_code == 404, route


def test_no_list_holds_anything_of_another_organization(
    server: Running, places: Places, routes: list[Route], known: dict[str, str]
) -> None:
    secrets = {*known.values(), "Otieno", "Gallstones", places.referrer.name, places.reviewer.name} - {"1", "abdomen"}
    for name, client in strangers(server, places):
        for route in routes:
            if route[0] == "get" and "{" not in route[1]:
                answer = asked(client, route, {})
                allowed = known.values() if (name, route[1]) == ("the clinic's own admin", "/api/v1/audit") else ()
                seen = {one for one in secrets if one in answer.text} - set(allowed)
                # Who did what in the own organization is what an admin's record is for; patients are not in it.
                seen -= {places.referrer.name, places.reviewer.name} if name == "the clinic's own admin" else set()
                assert seen == set(), (name, route)


def test_nobody_gets_anything_from_any_route(server: Running, routes: list[Route]) -> None:
    """Not even whether the fields they sent are right; only the list of exam types is everybody's."""
    with httpx.Client(base_url=server.base_url) as client:
        found = {
            (route, body): asked(client, route, IDS, body)
            for route in routes
            if route[1] != EXAM_TYPES
            for body in (b"", b"{}")
        }
    assert {key: answer.status_code for key, answer in found.items() if answer.status_code != 401} == {}
    assert {answer.headers["content-type"] for answer in found.values()} == {"application/problem+json"}


def test_not_a_byte_of_a_file_is_taken_from_nobody(server: Running, routes: list[Route]) -> None:
    """401 comes while ten megabytes are announced and none is sent; JSON is read before, and held to a megabyte."""
    doors = [path for method, path in routes if method == "post" and path.endswith("/files")]
    assert doors
    for path in doors:
        assert announced(server, path.format(**IDS), 10_000_000) == 401
    for method, path in routes:
        if method in ("post", "put", "patch") and path not in doors:
            assert announced(server, path.format(**IDS), 10_000_000, method) == 413, (method, path)


def announced(server: Running, path: str, size_bytes: int, method: str = "post") -> int:
    """The status of an answer to a head whose body never comes."""
    where = urlsplit(server.base_url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=8)
    connection.putrequest(method.upper(), path)
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(size_bytes))
    connection.endheaders()
    try:
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize("header", ["Bearer", "Bearer spt_", "Bearer spt_" + "a" * 43, "Basic YTpi", "bearer\tx"])
def test_a_made_up_token_is_nobody(server: Running, header: str) -> None:
    answer = httpx.get(f"{server.base_url}/api/v1/referrals", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
