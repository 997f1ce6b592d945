"""A row for each clause of PS3.18 that holds for every resource: whose, on whose record, at which address, how much."""

import re
import uuid
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

import app.referrals.models  # noqa: F401 - the row of a grant refers to its tables
from app.access import scope
from app.access.actor import WORKER
from app.audit.events import AuditEvent
from app.db import transaction
from app.studies.models import Study
from tests import people
from tests.conformance.dicomweb import DICOM, JSON, failed, files, get, parts_of, store, stored, url, value
from tests.conformance.test_statement import rows
from tests.dicom import made
from tests.people import Places, Somebody, count
from tests.servers.app import Running, bound, serving
from tests.studies.sent import a_dicom, a_pdf
from tests.web.cases import film

RESOURCES = [path.strip("`") for method, path, _name in rows("Transactions")[1:] if method == "GET"]
RETRIEVALS = [path for path in RESOURCES if not re.search(r"(studies|series|instances)$", path)]
WHOLE = ("{study_uid}", "{series_uid}", "{uid}")  # these ends are retrieved in full


@dataclass(frozen=True)
class Uids:
    """Of one instance, as the resources name them."""

    study_uid: str
    series_uid: str
    uid: str
    numbers: str = "1"
    name: str = "7FE00010"

    def at(self, path: str) -> str:
        return path.format(**vars(self))


def sent(server: Running, *whose: Somebody) -> Uids:
    """One instance under the same UIDs, by each of them, with other bytes."""
    study, uid = (f"2.25.{uuid.uuid4().int}" for _ in range(2))
    for number, who in enumerate(whose):
        body = a_dicom(uid, study=study, patient=f"Otieno^Jane{number}")
        assert store(server, who, files(body)).status_code == 200
    return Uids(study, f"{study}.2"[:64], uid)


@pytest.mark.parametrize("path", RESOURCES)
def test_resource_is_the_callers_own_and_else_they_say_whose(server: Running, places: Places, path: str) -> None:
    """PS3.18 10.1: a UID that several organizations show is nobody's guess."""
    other = people.places()
    uids = sent(server, places.referrer, other.referrer)
    assert get(server, places.referrer, uids.at(path), "*/*").status_code == 200
    with transaction(WORKER) as session:
        for study in session.query(Study).filter_by(study_instance_uid=uids.study_uid):
            scope.grant(session, places.hospital, study_id=study.id)
    several = get(server, places.reviewer, uids.at(path), "*/*")
    if "{study_uid}" not in path:  # a search over all of them finds both
        assert len(several.json()) == 2
        return
    assert several.status_code == 409
    assert set(several.json()["organizations"]) == {str(places.clinic), str(other.clinic)}
    chosen = f"{uids.at(path)}?organization="
    assert get(server, places.reviewer, f"{chosen}{other.clinic}", "*/*").status_code == 200
    nobodys = get(server, places.reviewer, f"{chosen}{places.stranger}", "*/*")
    assert nobodys.status_code == (204 if path not in RETRIEVALS else 404)


def test_addresses_of_anothers_say_whose(server: Running, places: Places) -> None:
    """PS3.18 10.1: whoever follows a link comes to the row that named it, not to a choice between two."""
    other = people.places()
    uids = sent(server, places.referrer, other.referrer)
    with transaction(WORKER) as session:
        for study in session.query(Study).filter_by(study_instance_uid=uids.study_uid):
            scope.grant(session, places.hospital, study_id=study.id)
    chosen, root = f"?organization={other.clinic}", url(server, "")
    linked = [value(one, "00081190") for path in ("/studies", "/series", "/instances")
              for one in get(server, places.reviewer, path + chosen).json()]  # fmt: skip
    instance = uids.at("/studies/{study_uid}/series/{series_uid}/instances/{uid}")
    (header,) = get(server, places.reviewer, f"{instance}/metadata{chosen}").json()
    linked.append(header["7FE00010"]["BulkDataURI"])
    for tail in ("", "/frames/1"):
        head = get(server, places.reviewer, instance + tail + chosen, "*/*").content.partition(b"\r\n\r\n")[0]
        linked.append(re.findall("Content-Location: (.*)", head.decode())[0].strip())
    assert len(linked) == 6
    for one in linked:
        assert one.endswith(chosen), one
        assert get(server, places.reviewer, one.removeprefix(root), "*/*").status_code == 200
    (own,) = get(server, places.referrer, "/instances").json()
    assert "?" not in value(own, "00081190")


@pytest.mark.parametrize("path", RETRIEVALS)
def test_every_retrieval_is_on_the_record_and_hidden_from_strangers(server: Running, places: Places, path: str) -> None:
    """Once, however often it is repeated within a quarter of an hour; a refused one not at all."""
    uids = sent(server, places.referrer)
    action = "study.retrieved" if path.endswith(WHOLE) else "study.viewed"
    ours = (AuditEvent.organization_id == places.clinic, AuditEvent.action.in_(("study.viewed", "study.retrieved")))
    assert get(server, places.stranger_referrer, uids.at(path), "*/*").status_code == 404
    assert get(server, places.referrer, uids.at(path), "text/x-nothing").status_code == 406
    assert count(AuditEvent, *ours, AuditEvent.person_id == places.stranger_referrer.id) == 0
    for _ in range(2):
        assert get(server, places.referrer, uids.at(path), "*/*").status_code == 200
    assert count(AuditEvent, *ours, AuditEvent.action == action, AuditEvent.person_id == places.referrer.id) == 1


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize("path", RETRIEVALS)
def test_what_cannot_be_had_is_said_with_what_could_be(server: Running, places: Places, path: str) -> None:
    """PS3.18 8.7.3.2: 406; and each of what is offered is then given."""
    uids = sent(server, places.referrer)
    answer = get(server, places.referrer, uids.at(path), "application/dicom+xml")
    assert (answer.status_code, answer.headers["content-type"]) == (406, "application/problem+json")
    for offered in answer.json()["available"]:
        assert get(server, places.referrer, uids.at(path), offered).status_code == 200, offered


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/studies/{study_uid}", 405), ("PUT", "/studies", 405), ("OPTIONS", "/", 404),
        ("GET", "/workitems", 404), ("GET", "/studies/{study_uid}/rendered", 404), ("POST", "/series", 405),
        ("GET", "/studies/{study_uid}/series/{series_uid}/instances/{uid}/pixeldata", 404),
    ],
)  # fmt: skip
def test_what_the_statement_leaves_out_is_refused(
    server: Running, places: Places, method: str, path: str, status: int
) -> None:
    uids = sent(server, places.referrer)
    answer = httpx.request(method, url(server, uids.at(path)), headers=places.referrer.headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("bodies", "status", "reasons"),
    [
        (["good"], 200, []), (["good", "good"], 200, []), (["good", "pdf"], 202, [0xC000]), (["pdf"], 409, [0xC000]),
        (["good", "elsewhere"], 202, [0xA900]), (["elsewhere", "pdf"], 409, [0xA900, 0xC000]),
        (["good", "other bytes"], 202, [0x0111]), ([], 400, None),
    ],
)  # fmt: skip
def test_store_answers_for_each_instance(
    server: Running, places: Places, bodies: list[str], status: int, reasons: list[int] | None
) -> None:
    """PS3.18 10.5.3, tables 10.5.3-1 to -3."""
    study, uid = (f"2.25.{uuid.uuid4().int}" for _ in range(2))
    good = a_dicom(uid, study=study)
    made_of = {
        "good": good,
        "pdf": a_pdf(),
        "elsewhere": a_dicom(),
        "other bytes": a_dicom(uid, "Else^One", study=study),
    }
    answer = store(server, places.referrer, files(*(made_of[name] for name in bodies)), path=f"/studies/{study}")
    assert answer.status_code == status
    if reasons is not None:
        assert failed(answer) == reasons
        assert stored(answer) == [uid] * (len(bodies) - len(reasons))
        assert ("warning" in answer.headers) == bool(reasons)


def test_more_than_a_page_of_results_is_said(server: Running, places: Places) -> None:
    """PS3.18 8.3.4.4: Warning 299 where the page was cut by the service; none where that many were asked for."""
    with transaction(WORKER) as session:
        session.execute(sa.insert(Study), [
            {"organization_id": places.clinic, "study_instance_uid": f"2.25.{number}"} for number in range(1001)
        ])  # fmt: skip
    first = get(server, places.referrer, "/studies")
    assert len(first.json()) == 1000
    assert first.headers["warning"].startswith('299 sonopost "The number of results exceeded')
    more = get(server, places.referrer, "/studies?limit=5000")
    assert (len(more.json()), "warning" in more.headers) == (1000, True)
    rest = get(server, places.referrer, "/studies?offset=1000")
    assert (len(rest.json()), "warning" in rest.headers) == (1, False)
    assert "warning" not in get(server, places.referrer, "/studies?limit=1000").headers


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
def test_addresses_are_those_that_clients_reach(environment: dict[str, str]) -> None:
    """PS3.18 10.4.1: behind a proxy that ends TLS, in every answer that names one."""
    public = "https://pacs.example.org"
    settings = {"SONOPOST_PUBLIC_URL": public, "SONOPOST_TRUSTED_PROXIES": "127.0.0.1"}
    forwarded = {"Host": "pacs.example.org", "X-Forwarded-Proto": "https"}
    with serving(environment | settings) as server, bound(environment):
        who, body = people.places().referrer, a_dicom()
        answer = store(server, who, files(body), **forwarded)
        assert answer.status_code == 200, answer.text
        found = get(server, who, "/instances", JSON, **forwarded).json()[0]
        place = str(value(found, "00081190"))
        path = place.removeprefix(f"{public}/dicom-web")
        texts = [
            answer.text, get(server, who, "/studies", JSON, **forwarded).text,
            get(server, who, f"{path}/metadata", JSON, **forwarded).text,
            get(server, who, path, f'multipart/related; type="{DICOM}"', **forwarded).content.partition(b"DICM")[0].decode(),
            get(server, who, f"{path}/frames/1", "*/*", **forwarded).content[:400].decode("latin-1"),
        ]  # fmt: skip
    for text in texts:
        named = re.findall(r"https?://[^/\"\s]+", text)
        assert named, text
        assert set(named) == {public}


def test_video_is_had_as_it_lies_in_the_file(server: Running, places: Places, tmp_path: Path) -> None:
    """PS3.18 table 8.7.3-6: one stream, no single frames; its bulk data is the film."""
    uid, body = f"2.25.{uuid.uuid4().int}", film(str(tmp_path / "a.mp4"))
    instead = {tag: made.element(tag, "UI", uid) for tag in (0x00080018, 0x0020000D, 0x0020000E)}
    picture = made.picture(
        64, 256, made.encapsulated(body), samples=3, frames=12, photometric="YBR_PARTIAL_420", instead=instead
    )
    whole = made.file(picture, "1.2.840.10008.1.2.4.102", sop_instance=uid.encode())
    assert store(server, places.referrer, files(whole)).status_code == 200
    path = f"/studies/{uid}/series/{uid}/instances/{uid}"
    ((kind, content),) = parts_of(
        get(server, places.referrer, f"{path}/bulkdata/7FE00010", 'multipart/related; type="video/mp4"')
    )
    assert (kind, content.rstrip(b"\0")) == ("video/mp4; transfer-syntax=1.2.840.10008.1.2.4.102", body.rstrip(b"\0"))
    assert get(server, places.referrer, f"{path}/bulkdata/7FE00010", "*/*").status_code == 200
    assert get(server, places.referrer, f"{path}/frames/1", "*/*").status_code == 406
    assert parts_of(get(server, places.referrer, path, "*/*"))[0][1] == whole
