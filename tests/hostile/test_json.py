"""DICOM JSON and query strings of any kind are understood or refused, never a fault of ours."""

from contextlib import suppress
from typing import Any

from hypothesis import example, given
from hypothesis import settings as campaign
from hypothesis import strategies as st

from app.dicom import from_json
from app.dicomweb.asked import asked
from app.dicomweb.keys import KEYS, PATIENT_NAME, Level
from app.dicomweb.matching import condition, name_tests
from app.errors import Invalid
from app.http.problems import DoorRefusal
from app.studies.models import StudyName

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=9), inside, max_size=3),
    max_leaves=6,
)
ATTRIBUTES = st.dictionaries(st.sampled_from(["vr", "Value", "InlineBinary", "BulkDataURI"]), VALUES, max_size=3)
VRS = st.sampled_from("US SS UL FL FD AT PN DS IS SQ UN OB LO ZZ".split())
WHO = {tag: {"vr": "UI", "Value": ["1.2"]} for tag in ("00080016", "00080018")}


@campaign(max_examples=300, deadline=None)
@given(attribute=VALUES | ATTRIBUTES, vr=VRS)
@example(attribute={"Value": [1e300]}, vr="FL")
@example(attribute={"Value": [1e999]}, vr="US")
def test_no_json_makes_a_fault(attribute: Any, vr: str) -> None:
    given = {"vr": vr, **attribute} if isinstance(attribute, dict) else attribute
    with suppress(Invalid):
        list(from_json.file({**WHO, "00189087": given}, {}, "1.2.840.10008.1.2.1"))


NAMES = st.sampled_from([*KEYS, "limit", "offset", "fuzzymatching", "includefield", "ModalitiesInStudy"]) | st.text(
    max_size=8
)


@campaign(max_examples=300, deadline=None)
@given(query=st.lists(st.tuples(NAMES, st.text(max_size=12) | st.text("0123456789-.*?,\\", max_size=16)), max_size=5))
def test_no_query_string_makes_a_fault(query: list[tuple[str, str]]) -> None:
    try:
        found = asked(query, Level.INSTANCE)
        for key, value in found.matches:
            if key.tag != PATIENT_NAME:
                str(condition(key, value))
            for test in name_tests(value, fuzzy=found.fuzzy):
                str(test(StudyName))
    except DoorRefusal:  # 400, as every refusal of these is
        return
