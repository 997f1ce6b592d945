"""The header as DICOM JSON (PS3.18 F.2), beside pydicom's and on odd values."""

import json
import logging
import warnings
from pathlib import Path
from typing import Any

import pydicom
import pytest

from app.dicom import syntaxes
from app.dicom.admission import examine
from app.dicom.metadata import header
from app.errors import Invalid
from tests.dicom import made, real
from tests.dicom.made import element, implicit, item, sequence


def of(body: bytes, folder: Path) -> dict[str, Any]:
    path = folder / "a.dcm"
    path.write_bytes(body)
    found: dict[str, Any] = json.loads(header(path, examine(path)).text)
    return found


def alike(ours: Any, theirs: Any) -> bool:
    """But for what two right encodings may differ in: by reference or not, null or an empty text, 1 or 1.0."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        if "BulkDataURI" in ours or "InlineBinary" in ours:
            return True
        return all(alike(ours.get(name), theirs[name]) for name in theirs if name[4:] != "0000" and name != "00080005")
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(alike, ours, theirs))
    plain = ["".join(one.split()) or None if isinstance(one, str) else one for one in (ours, theirs)]
    return bool(plain[0] == plain[1])


def test_header_of_every_real_file_says_what_pydicom_reads() -> None:
    logging.disable(logging.CRITICAL)
    compared = 0
    for path in real.DICOM:
        try:
            facts = examine(path)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = pydicom.dcmread(path, force=True, stop_before_pixels=True).to_json_dict(1024, lambda _: "uri")
        except (Invalid, ValueError, TypeError, AttributeError):
            continue
        if facts.kind != "dicom":
            continue
        ours = json.loads(header(path, facts).text)
        for tag in set(theirs) - {"00080005"}:
            if tag[4:] != "0000":
                assert alike(ours[tag], json.loads(json.dumps(theirs[tag]))), (path.name, tag)
        compared += 1
    logging.disable(logging.NOTSET)
    assert compared > 100


def test_numbers_that_json_does_not_have_are_null(tmp_path: Path) -> None:
    before = [
        element(0x00181063, "DS", "NaN"), element(0x00180088, "DS", "1e999\\2.5"),
        element(0x0018602C, "FD", float("nan")), element(0x00200013, "IS", "7"), element(0x00280008, "IS", "1.5"),
    ]  # fmt: skip
    found = of(made.file(made.picture(before=before)), tmp_path)
    assert found["00181063"] == {"vr": "DS"}
    assert found["00180088"]["Value"] == [None, 2.5]
    assert found["0018602C"] == {"vr": "FD"}
    assert found["00200013"] == {"vr": "IS", "Value": [7]}
    assert found["00280008"]["Value"] == [1.5]


def test_names_have_their_component_groups(tmp_path: Path) -> None:
    name = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    before = [element(0x00080005, "CS", "ISO_IR 192"), element(0x00100010, "PN", name)]
    found = of(made.file(made.picture(before=before)), tmp_path)
    assert found["00100010"]["Value"] == [
        {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
    ]
    assert found["00080005"]["Value"] == ["ISO_IR 192"]


@pytest.mark.parametrize("undefined", [False, True])
def test_items_keep_their_own_character_set_and_bulk_data_its_path(tmp_path: Path, undefined: bool) -> None:
    inner = element(0x00080005, "CS", "ISO_IR 100") + element(0x00080104, "LO", "Größe".encode("latin-1"))
    second = element(0x00420011, "OB", b"x" * 3000)
    body = made.file(made.picture(before=[
        element(0x00080005, "CS", "ISO_IR 192"),
        sequence(0x0040A730, item(inner, undefined=undefined), item(second, undefined=undefined), undefined=undefined),
    ]))  # fmt: skip
    path = tmp_path / "a.dcm"
    path.write_bytes(body)
    made_header = header(path, examine(path))
    found = json.loads(made_header.text)["0040A730"]["Value"]
    assert found[0]["00080104"]["Value"] == ["Größe"]
    assert found[1]["00420011"]["BulkDataURI"] == "0040A730.2.00420011"
    offset, length, _word_bytes = made_header.bulk["0040A730.2.00420011"]
    assert body[offset : offset + length] == b"x" * 3000


def test_lines_of_a_long_text_stay_lines(tmp_path: Path) -> None:
    found = of(made.file(made.picture(before=[element(0x00104000, "LT", "one\r\ntwo\\three")])), tmp_path)
    assert found["00104000"]["Value"] == ["one\r\ntwo\\three"]


def test_attributes_come_in_the_order_of_their_tags(tmp_path: Path) -> None:
    found = of(made.file(made.picture()), tmp_path)
    assert list(found) == sorted(found)


def test_identity_that_only_the_meta_information_states_is_in_the_header(tmp_path: Path) -> None:
    body = made.file(made.picture(instead={0x00080018: b""}), sop_instance=b"1.2.3.99")
    assert of(body, tmp_path)["00080018"]["Value"] == ["1.2.3.99"]


def test_sequence_by_the_dictionary_that_holds_no_item_is_a_value_as_the_check_has_it(tmp_path: Path) -> None:
    """Implicit VR; read as items, what follows would be taken for an attribute of two gigabytes."""
    study = (implicit(tag, value) for tag, value in ((0x0020000D, b"1.2.3\0"), (0x0020000E, b"1.2.4\0")))
    odd = implicit(0x0040A730, b"no item" + b"\x7f" * 9)
    found = of(made.file(b"".join([*study, odd, implicit(0x0040DB73, b"\1\0\0\0")]), syntaxes.IMPLICIT_LE), tmp_path)
    assert found["0040A730"]["vr"] == "UN"
    assert found["0040DB73"]["Value"] == [1]


def test_header_of_endless_text_is_refused(tmp_path: Path) -> None:
    flood = [element(0x00090010, "LO", "X")] + [element(0x00091000 + at, "LO", "y" * 60_000) for at in range(0xFF)]
    with pytest.raises(Invalid):
        of(made.file(made.picture(before=[b"".join(flood)])), tmp_path)
