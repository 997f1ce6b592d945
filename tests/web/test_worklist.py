"""The worklist in a browser."""

import pytest
from playwright.sync_api import expect

from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import NARROW, Arrive, accessible, picture

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


def test_the_worklist_is_accessible_and_fits_a_phone(server: Running, places: Places, arrive: Arrive) -> None:
    page = arrive(places.reviewer, "/worklist")
    expect(page.locator(".empty")).to_contain_text("Nothing waits.")
    picture(page, "worklist-empty")
    accessible(page)
    cases.place(server, places, ("a.dcm", cases.dicom("rgb_color")), ("b.dcm", cases.dicom("ybr_color")))
    cases.place(
        server,
        places,
        priority="routine",
        exam_type="ob-second-trimester",
        question="Is growth as it should be?",
        patient={"name_unknown": True, "sex": "female", "age": {"value": 27, "unit": "years"}},
    )
    cases.place(
        server,
        places,
        priority="stat",
        exam_type="fast",
        question="Fell from a roof. Free fluid?",
        patient={"family_name": "Wanjiru", "age": {"value": 7, "unit": "months"}, "sex": "male"},
        files=[{"name": "x.dcm"}],
    )
    page.reload()
    picture(page, "worklist-wide")
    accessible(page)
    narrow = arrive(places.reviewer, "/worklist", viewport=NARROW, has_touch=True, is_mobile=True)
    picture(narrow, "worklist-narrow")
    accessible(narrow)
