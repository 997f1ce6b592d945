"""QIDO-RS by the clauses of PS3.18 10.6 and PS3.4 C.2.2.2: what matches, what is returned, and to whom."""

import urllib.parse
import uuid
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

import app.referrals.models  # noqa: F401 - the row of a grant refers to its tables
from app.access import scope
from app.access.actor import WORKER
from app.access.models import Grant
from app.db import engine, now, reading, transaction
from app.dicomweb import find
from app.dicomweb.asked import asked
from app.dicomweb.keys import Level
from app.studies import headers, identity
from app.studies.models import Instance, Study
from tests import people
from tests.conformance.dicomweb import JSON, files, get, store, url, value
from tests.dicom import made
from tests.dicom.made import element, item, sequence
from tests.people import Places
from tests.referrals.test_place import placed, submitted
from tests.servers.app import Running
from tests.studies.sent import send

STUDIES = [  # patient, identifier, date, time, accession, description, modality
    ("Müller^Änne", "A-1", "20240105", "0930", "ACC1", "Abdomen", "US"),
    ("MULLER^Bernd", "A-2", "20240131", "101530.5", "ACC2", "Abdomen", "US"),
    ("Mullerova^Jana", "B_3", "20240201", "235959", "ACC3", "Thyroid", "US"),
    ("Yamada^Tarou=山田^太郎=やまだ^たろう", "B%4", "20250101", "", "", "Échographie", "CT"),
    ("Otieno^Mary^Wanjiru", "C5", "", "", "ACC5", "", "SR"),
]


@dataclass(frozen=True)
class Archive:
    """The studies above in a clinic of their own."""

    server: Running
    places: Places
    uids: list[str]

    def found(self, query: str, path: str = "/studies") -> list[int]:
        """Places in STUDIES of what is found, in order."""
        answer = get(self.server, self.places.referrer, f"{path}?{query}")
        assert answer.status_code in (200, 204), answer.text
        return [self.uids.index(value(one, "0020000D")) for one in (answer.json() if answer.content else [])]

    def get(self, path: str, **headers: str) -> httpx.Response:
        return get(self.server, self.places.referrer, path, **headers)


def an_instance(row: tuple[str, ...], study: str, series: int, number: int) -> bytes:
    patient, identifier, date, time, accession, description, modality = row
    asked = item(element(0x00400009, "SH", "STEP1") + element(0x00401001, "SH", "PROC1"))
    before = [
        element(0x00080005, "CS", "ISO_IR 192"), element(0x00080020, "DA", date), element(0x00080030, "TM", time),
        element(0x00080050, "SH", accession), element(0x00080090, "PN", "Referrer^One"),
        element(0x00081030, "LO", description), element(0x00080080, "LO", "Lodwar"),
        element(0x00200010, "SH", "7"), element(0x00200011, "IS", str(series)), element(0x00200013, "IS", str(number)),
        element(0x00400244, "DA", date), sequence(0x00400275, asked),
    ]  # fmt: skip
    uid = f"{study}.{series}.{number}"
    instead = {
        0x00080018: element(0x00080018, "UI", uid), 0x0020000D: element(0x0020000D, "UI", study),
        0x0020000E: element(0x0020000E, "UI", f"{study}.{series}"), 0x00080060: element(0x00080060, "CS", modality),
        0x00100010: element(0x00100010, "PN", patient), 0x00100020: element(0x00100020, "LO", identifier),
    }  # fmt: skip
    return made.file(made.picture(before=before, instead=instead), sop_instance=uid.encode())


@pytest.fixture(scope="module")
def _archives() -> dict[str, Archive]:
    return {}


@pytest.fixture
def archive(server: Running, _archives: dict[str, Archive]) -> Archive:
    """Filled once a column; nothing here changes it."""
    if server.base_url not in _archives:
        places = people.places()
        uids = [f"2.25.{uuid.uuid4().int}"[:50] for _ in STUDIES]
        bodies = [an_instance(row, uid, 1, 1) for row, uid in zip(STUDIES, uids, strict=True)]
        bodies += [an_instance(STUDIES[0], uids[0], series, number) for series, number in ((1, 2), (1, 3), (2, 1))]
        assert store(server, places.referrer, files(*bodies)).status_code == 200
        _archives[server.base_url] = Archive(server, places, uids)
    return _archives[server.base_url]


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("", [4, 3, 2, 1, 0]),  # the newest first
        ("PatientID=A-1", [0]), ("00100020=A-1", [0]), ("PatientID=a-1x", []), ("PatientID=", [4, 3, 2, 1, 0]),
        ("PatientID=A-*", [1, 0]), ("PatientID=a-*", []),
        ("PatientID=A-?", [1, 0]), ("PatientID=B_3", [2]), ("PatientID=B?*", [3, 2]),
        ("PatientID=B%25*", [3]), ("PatientID=*5", [4]),  # SQL's own wildcards are plain letters
        ("PatientName=Müller^Änne", [0]), ("PatientName=MULLER^ANNE", [0]), ("PatientName=muller*", [0, 1, 2]),
        ("PatientName=Muller^*", [0, 1]), ("PatientName=m?ller^b*", [1]), ("PatientName=*jana", [2]),
        ("PatientName=山田*", [3]), ("PatientName=Yamada^Tarou", [3]), ("PatientName=Otieno^Mary", []),
        ("PatientName=Otieno^Mary^Wanjiru", [4]), ("PatientName=*", [4, 3, 2, 1, 0]),
        ("PatientName=wanj&fuzzymatching=true", [4]), ("PatientName=mary otie&fuzzymatching=true", [4]),
        ("PatientName=jan muller&fuzzymatching=true", [2]), ("PatientName=tarou&fuzzymatching=true", [3]),
        ("PatientName=mary muller&fuzzymatching=true", []), ("PatientName=wanj&fuzzymatching=false", []),
        ("StudyDate=20240131", [1]), ("StudyDate=20240101-20240131", [1, 0]), ("StudyDate=20240131-", [3, 2, 1]),
        ("StudyDate=-20240131", [1, 0]), ("StudyDate=20300101-", []),
        ("StudyTime=0900-1015", [1, 0]), ("StudyTime=10", [1]), ("StudyTime=2300-", [2]),
        ("StudyTime=101530.4-101530.6", [1]), ("StudyTime=-1015", [1, 0]), ("StudyTime=093001-", [2, 1]),
        ("AccessionNumber=ACC1", [0]), ("AccessionNumber=acc*5", []) , ("AccessionNumber=ACC?", [4, 2, 1, 0]),
        ("ModalitiesInStudy=CT", [3]), ("ModalitiesInStudy=CT,SR", [4, 3]), ("00080061=US", [2, 1, 0]),
        ("ReferringPhysicianName=referrer*", [4, 3, 2, 1, 0]), ("ReferringPhysicianName=RÉFERRER^ONE", [4, 3, 2, 1, 0]),
        ("ReferringPhysicianName=other*", []),
        ("StudyID=7", [4, 3, 2, 1, 0]), ("StudyDescription=Échographie", [3]), ("StudyDescription=Abd*", [1, 0]),
        ("PatientName=mull*&StudyDate=20240101-20240131", [0, 1]), ("PatientID=A-1&PatientName=muller*", [0]),
        ("limit=2", [4, 3]), ("limit=2&offset=2", [2, 1]), ("limit=2&offset=4", [0]), ("offset=5", []), ("limit=0", []),
        ("PatientName=muller*&limit=1&offset=1", [1]), ("StudyDate=20240101-20250101&limit=2&offset=1", [2, 1]),
    ],
)  # fmt: skip
def test_studies_match(archive: Archive, query: str, places: list[int]) -> None:
    """PS3.18 table 10.6.1-5, 8.3.4; PS3.4 C.2.2.2."""
    assert archive.found(query) == places


def test_list_of_uids_matches_each(archive: Archive) -> None:
    assert archive.found(f"StudyInstanceUID={archive.uids[1]},{archive.uids[3]}") == [3, 1]
    assert archive.found(f"StudyInstanceUID={archive.uids[1]}%5C{archive.uids[3]}") == [3, 1]


@pytest.mark.parametrize(
    ("path", "query", "count"),
    [
        ("/studies/{0}/series", "", 2), ("/studies/{0}/series", "Modality=US", 2), ("/studies/{0}/series", "Modality=CT", 0),
        ("/studies/{0}/series", "SeriesNumber=2", 1), ("/series", "SeriesInstanceUID={0}.2", 1), ("/series", "Modality=CT", 1),
        ("/series", "PatientID=A-1", 2), ("/series", "PatientName=muller*&Modality=US", 4),
        ("/series", "StudyInstanceUID={0}", 2), ("/series", "PerformedProcedureStepStartDate=20240131", 1),
        ("/series", "RequestAttributesSequence.ScheduledProcedureStepID=STEP1", 6),
        ("/series", "00400275.00401001=PROC1&PatientID=C5", 1), ("/series", "00400275.00401001=NONE", 0),
        ("/studies/{0}/instances", "", 4), ("/studies/{0}/series/{0}.1/instances", "", 3),
        ("/studies/{0}/series/{0}.1/instances", "InstanceNumber=2", 1), ("/instances", "SOPInstanceUID={0}.2.1", 1),
        ("/instances", "PatientID=A-1&SeriesNumber=1", 3), ("/instances", "ModalitiesInStudy=SR", 1),
        ("/instances", "SOPClassUID=1.2.840.10008.5.1.4.1.1.6.1", 8), ("/instances", "limit=3", 3),
        ("/studies/{0}/series/{1}.1/instances", "", 0), ("/studies/1.2.3/series", "", 0),
    ],
)  # fmt: skip
def test_series_and_instances_match(archive: Archive, path: str, query: str, count: int) -> None:
    answer = archive.get(f"{path}?{query}".format(*archive.uids))
    assert answer.status_code == (200 if count else 204), answer.text
    assert len(answer.json() if count else []) == count


def test_study_has_its_usual_attributes(archive: Archive) -> None:
    """PS3.18 table 10.6.3-3."""
    (found,) = archive.get("/studies?PatientID=A-1").json()
    assert found["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Müller^Änne"}]}
    assert found["00080061"] == {"vr": "CS", "Value": ["US"]}
    assert (found["00201206"]["Value"], found["00201208"]["Value"]) == ([2], [4])
    assert found["00081190"]["Value"] == [url(archive.server, f"/studies/{archive.uids[0]}")]
    usual = "00080020 00080030 00080050 00080056 00080061 00080090 00081190 00100010 00100020 00100030 00100040 0020000D 00200010"
    assert set(usual.split()) <= set(found)
    assert list(found) == sorted(found)


def test_series_and_instance_have_their_usual_attributes(archive: Archive) -> None:
    """PS3.18 tables 10.6.3-4 and 10.6.3-5; without a study in the path those of the levels above too."""
    series = archive.get(f"/studies/{archive.uids[0]}/series?SeriesNumber=1").json()[0]
    assert (value(series, "00080060"), value(series, "00200011"), value(series, "00201209")) == ("US", 1, 3)
    assert value(series["00400275"]["Value"][0], "00400009") == "STEP1"
    assert "00100010" not in series
    assert value(archive.get("/series?PatientID=A-1").json()[0], "00100020") == "A-1"
    instance = archive.get(f"/instances?SOPInstanceUID={archive.uids[0]}.1.2").json()[0]
    assert (value(instance, "00280010"), value(instance, "00280100"), value(instance, "00200013")) == (8, 8, 2)
    assert value(instance, "00081190").endswith(
        f"/studies/{archive.uids[0]}/series/{archive.uids[0]}.1/instances/{archive.uids[0]}.1.2"
    )
    assert (value(instance, "00100020"), value(instance, "00080060")) == ("A-1", "US")


@pytest.mark.parametrize(
    ("path", "field", "tag", "expected"),
    [
        ("/studies", "StudyDescription", "00081030", "Abdomen"), ("/studies", "InstitutionName", "00080080", "Lodwar"),
        ("/studies", "00080080", "00080080", "Lodwar"), ("/studies", "all", "00080080", "Lodwar"),
        ("/studies", "PatientWeight", "00101030", None), ("/series", "PatientName", "00100010", {"Alphabetic": "Müller^Änne"}),
        ("/instances", "PhotometricInterpretation", "00280004", "MONOCHROME2"), ("/instances", "all", "00280102", 7),
    ],
)  # fmt: skip
def test_includefield_adds_what_is_asked_for(archive: Archive, path: str, field: str, tag: str, expected: Any) -> None:
    found = archive.get(f"{path}?PatientID=A-1&includefield={field}").json()[0]
    assert tag in found
    assert value(found, tag) == expected


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize(
    "query",
    ["limit=x", "limit=-1", "offset=1.5", "fuzzymatching=maybe", "StudyDate=2024", "StudyDate=20240101-2024",
     "StudyDate=-", "StudyTime=noon", "includefield=NoSuchThing", "limit=9999999999999999999999", "StudyDate=2024-01-01",
     "limit=" + "0" * 5_000, "offset=" + "0" * 15 + "9" * 30, "&".join(["StudyID=a"] * 2_000), "StudyID=a&00200010=a",
     "StudyID=" + "a" * 1_000, "StudyInstanceUID=" + "1," * 20_000, "&".join(f"x{at}=a" for at in range(31)),
     "includefield=" + ",".join(f"0011{at:04X}" for at in range(500))],
)  # fmt: skip
def test_what_cannot_be_understood_is_a_bad_request(archive: Archive, query: str) -> None:
    assert archive.get(f"/studies?{query}").status_code == 400


def test_filter_that_is_not_supported_is_said(archive: Archive) -> None:
    answer = archive.get("/studies?PatientID=A-1&PatientWeight=70&Nonsense=1")
    assert answer.status_code == 200
    assert answer.headers["warning"].startswith("299 ")
    assert "PatientWeight, Nonsense" in answer.headers["warning"]
    assert "warning" not in archive.get("/studies?PatientID=A-1").headers


def test_page_that_was_asked_for_needs_no_warning(archive: Archive) -> None:
    assert "warning" not in archive.get("/studies?limit=2").headers
    assert "warning" not in archive.get("/studies?limit=5000").headers  # there are five


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize(
    ("accept", "status"),
    [(JSON, 200), ("application/json", 200), ("*/*", 200), ("application/*", 200), ("text/html", 406),
     ('multipart/related; type="application/dicom+xml"', 406), ("application/dicom+xml, application/dicom+json;q=0.5", 200),
     ("application/dicom+json;q=0", 406)],
)  # fmt: skip
def test_answer_is_json_or_none(archive: Archive, accept: str, status: int) -> None:
    """PS3.18 8.7.3: 406 with what could be had."""
    answer = get(archive.server, archive.places.referrer, "/studies", accept)
    assert answer.status_code == status
    if status == 406:
        assert JSON in answer.json()["available"]


def test_stranger_finds_nothing_by_any_path(archive: Archive) -> None:
    uid = archive.uids[0]
    for path in ("/studies", f"/studies?StudyInstanceUID={uid}", f"/studies/{uid}/series", f"/instances?SOPInstanceUID={uid}.1.1",
                 "/studies?PatientName=muller*", "/series", f"/studies/{uid}/series/{uid}.1/instances"):  # fmt: skip
        answer = get(archive.server, archive.places.stranger_referrer, path)
        assert (answer.status_code, answer.content) == (204, b""), path
    assert httpx.get(url(archive.server, "/studies")).status_code == 401


def test_granted_study_is_found_until_the_grant_ends(archive: Archive) -> None:
    reviewer, uid = archive.places.reviewer, archive.uids[2]
    assert get(archive.server, reviewer, "/studies").status_code == 204
    with transaction(WORKER) as session:
        study = session.query(Study).filter_by(study_instance_uid=uid).one()
        scope.grant(session, archive.places.hospital, study_id=study.id)
    for query in (
        "",
        "?PatientName=mullerova*",
        "?PatientID=B_3",
        "?StudyDate=20240201",
        "?PatientName=jana&fuzzymatching=true",
    ):
        found = get(archive.server, reviewer, f"/studies{query}").json()
        assert [value(one, "0020000D") for one in found] == [uid]
    assert len(get(archive.server, reviewer, "/instances").json()) == 1
    assert get(archive.server, reviewer, "/studies?PatientName=muller^*").status_code == 204
    with transaction(WORKER) as session:
        for grant in session.query(Grant).filter_by(study_id=study.id):
            grant.valid_to = now()
    assert get(archive.server, reviewer, "/studies").status_code == 204


def test_search_finds_the_same_whether_others_show_few_studies_or_many(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two ways to the same rows: from what was shown, and along the index of what is searched for."""
    who = archive.places.reviewer.actor
    with transaction(WORKER) as session:
        for study in session.query(Study).filter_by(organization_id=archive.places.clinic):
            scope.grant(session, archive.places.hospital, study_id=study.id)
    found = []
    for few in (find.FEW, 0):
        monkeypatch.setattr(find, "FEW", few)
        with reading(who) as session:
            found.append([find.page(session, who, asked(urllib.parse.parse_qsl(query), level), level)
                          for level in Level for query in ("", "PatientID=A-1", "PatientName=m*")])  # fmt: skip
    assert found[0] == found[1]
    assert any(found[0])


def test_uid_that_two_organizations_show_says_whose(server: Running, places: Places) -> None:
    uid = f"2.25.{uuid.uuid4().int}"[:50]
    other = people.places()
    for each in (places, other):
        store(server, each.referrer, files(an_instance(STUDIES[0], uid, 1, 1)))
    with transaction(WORKER) as session:
        for study in session.query(Study).filter_by(study_instance_uid=uid):
            scope.grant(session, places.hospital, study_id=study.id)
    answer = get(server, places.reviewer, f"/studies/{uid}/series")
    assert answer.status_code == 409
    assert set(answer.json()["organizations"]) == {str(places.clinic), str(other.clinic)}
    chosen = get(server, places.reviewer, f"/studies/{uid}/series?organization={other.clinic}")
    assert (chosen.status_code, len(chosen.json())) == (200, 1)
    assert len(get(server, places.referrer, f"/studies/{uid}/series").json()) == 1  # the caller's own


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize(
    ("query", "index"),
    [("PatientID=A-1", "ix_study_patient_identifier"), ("PatientName=muller*", "ix_study_name_name"),
     ("StudyDate=20240101-20240131", "ix_study_date"), ("PatientName=mul&fuzzymatching=true", "ix_study_name_name"),
     ("", "ix_study_newest")],
)  # fmt: skip
def test_search_walks_an_index_in_the_order_of_its_answer(archive: Archive, query: str, index: str) -> None:
    plans: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, given: Any, *_: Any) -> None:
        if "study" in statement and not statement.startswith("EXPLAIN"):
            plans.extend(row[-1] for row in cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", given))

    sa.event.listen(engine(), "before_cursor_execute", explain)
    with reading(archive.places.referrer.actor) as session:
        find.page(
            session, archive.places.referrer.actor, asked(urllib.parse.parse_qsl(query), Level.STUDY), Level.STUDY
        )
    sa.event.remove(engine(), "before_cursor_execute", explain)
    assert any(index in plan for plan in plans), plans
    assert not any(plan.startswith("SCAN study ") for plan in plans), plans


def test_what_was_taken_back_is_in_no_answer_to_its_reader(server: Running, places: Places) -> None:
    """At no level, in no count and no included attribute; the study speaks as the files that are left do."""
    uid, wrong = (
        f"2.25.{uuid.uuid4().int}"[:50],
        ("Otieno^Jane", "WRONG-9", "19990101", "", "WRONG", "Wrong thing", "CT"),
    )
    right = ("Otieno^Jane", "A-1", "20240105", "0930", "ACC1", "Abdomen", "US")
    referral = submitted(places.referrer, patient={"family_name": "Otieno", "given_name": "Jane"})
    taken = send(places.referrer, referral, an_instance(wrong, uid, 1, 1), "wrong.dcm")
    send(places.referrer, referral, an_instance(right, uid, 2, 1), "right.dcm")
    headers.make_missing(WORKER, [row.id for row in instances_of(places)])
    assert get(server, places.reviewer, "/studies?PatientID=WRONG-9").status_code == 200
    with transaction(places.referrer.actor) as session:
        identity.withdraw(session, places.referrer.actor, referral.id, taken.id, "Wrong patient")
    (study,) = get(server, places.reviewer, "/studies?includefield=all").json()
    assert "rong" not in str(study)
    assert (value(study, "00201206"), value(study, "00201208"), study["00080061"]["Value"]) == (1, 1, ["US"])
    assert (value(study, "00081030"), value(study, "00080090")) == ("Abdomen", {"Alphabetic": "Referrer^One"})
    for path in ("/series", f"/studies/{uid}/series"):
        (series,) = get(server, places.reviewer, path + "?includefield=all").json()
        assert (value(series, "00080060"), value(series, "0020000E")) == ("US", f"{uid}.2")
    for query in ("PatientID=WRONG-9", "AccessionNumber=WRONG", "ModalitiesInStudy=CT", "StudyDate=19990101"):
        assert get(server, places.reviewer, f"/studies?{query}").status_code == 204, query
    assert len(get(server, places.referrer, f"/studies/{uid}/series").json()) == 2  # its own archive


def test_study_of_which_all_was_taken_back_is_not_found_by_its_reader(server: Running, places: Places) -> None:
    uid = f"2.25.{uuid.uuid4().int}"[:50]
    referral = submitted(places.referrer, patient={"name_unknown": True})
    item = send(places.referrer, referral, an_instance(STUDIES[0], uid, 1, 1))
    assert get(server, places.reviewer, "/studies?PatientName=muller*").status_code == 200
    with transaction(places.referrer.actor) as session:
        identity.withdraw(session, places.referrer.actor, referral.id, item.id, "Wrong patient")
    for path in ("/studies", "/studies?PatientName=muller*", "/series", "/instances", f"/studies/{uid}/series"):
        assert get(server, places.reviewer, path).status_code == 204, path


def instances_of(places: Places) -> list[Instance]:
    with reading(WORKER) as session:
        return session.query(Instance).filter_by(organization_id=places.clinic).all()


def test_what_a_referral_sent_is_found_by_its_header(server: Running, places: Places) -> None:
    """Its header is kept when the study settles, and fills what only a header says."""
    uid = f"2.25.{uuid.uuid4().int}"[:50]
    send(places.referrer, placed(places.referrer, patient={"name_unknown": True}), an_instance(STUDIES[0], uid, 1, 1))
    headers.make_missing(WORKER, [row.id for row in instances_of(places)])
    (study,) = get(server, places.referrer, "/studies?ReferringPhysicianName=REFERRER*").json()
    assert value(study, "00080090") == {"Alphabetic": "Referrer^One"}
    (series,) = get(server, places.referrer, "/series?PerformedProcedureStepStartDate=20240105").json()
    assert value(series["00400275"]["Value"][0], "00401001") == "PROC1"


def test_dates_and_times_of_the_old_form_are_found(server: Running, places: Places) -> None:
    """PS3.5 6.2: 2004.01.19 and 10:15:30, as before DICOM 3.0."""
    row = ("Old^One", "OLD", "2004.01.19", "10:15:30", "", "", "US")
    store(server, places.referrer, files(an_instance(row, f"2.25.{uuid.uuid4().int}"[:50], 1, 1)))
    (found,) = get(server, places.referrer, "/studies?StudyDate=20040119&StudyTime=101500-1016").json()
    assert (value(found, "00080020"), value(found, "00080030")) == ("20040119", "101530")


def test_name_of_more_words_than_a_name_has_is_a_bad_request(archive: Archive) -> None:
    words = "+".join(f"w{at}" for at in range(1_500))
    assert archive.get(f"/studies?PatientName={words}&fuzzymatching=true").status_code == 400
    assert archive.found("PatientName=a+b+c+d+e+f+g+h+i+j&fuzzymatching=true") == []


def test_fuzzy_matching_of_other_names_is_not_done_and_said(archive: Archive) -> None:
    answer = archive.get("/studies?ReferringPhysicianName=Referrer^One&fuzzymatching=true")
    assert (len(answer.json()), answer.headers["warning"][:4]) == (5, "299 ")
