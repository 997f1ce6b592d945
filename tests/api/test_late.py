"""Files that came after signing, by JSON: 'no change' opens a draft with all that an amendment has."""

import pytest

from app.reports import late
from tests.people import Places, set_password
from tests.servers.app import Running
from tests.web import cases
from tests.web.cases import PASSWORD, client_of, ok

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
TICKED = {"template": "aorta", "answers": {
    **{key: {"numbers": [size]} for key, size in (("proximal", 20), ("mid", 18), ("distal", 17), ("largest", 20))},
    "aneurysm": {"choice": "none"},
}}  # fmt: skip


def test_no_change_of_a_ticked_report_says_what_is_ticked(server: Running, places: Places) -> None:
    placed = cases.place(server, places, exam_type="aorta")
    set_password(places.reviewer, PASSWORD)
    with client_of(server, places.reviewer) as reader:
        ok(reader.post(f"/reviews/{placed.review_id}/claim"))
        saved = reader.put(f"/reviews/{placed.review_id}/report", json={"impression": "No aneurysm.", "form": TICKED})
        proof = {"password": PASSWORD, "images_sha256": ok(saved)["images_sha256"]}
        signed = ok(
            reader.post(f"/reviews/{placed.review_id}/sign", json=proof, headers={"If-Match": saved.headers["etag"]})
        )
        cases.send(server, places, placed.referral_id, "late.dcm", cases.dicom("palette_color"))
        late.late(placed.referral_id)
        draft = ok(reader.post(f"/reports/{signed['report_id']}/no-change"))
        assert (draft["kind"], draft["form"]["template"]) == ("appended", "aorta")
        assert draft == ok(reader.get(f"/reviews/{placed.review_id}/report"))
