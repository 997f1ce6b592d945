"""Whether the file's patient is the form's: the rules of the clinical workflow, one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.people.identity import PLACEHOLDERS, Identity, compare, is_placeholder, names_agree
from app.people.models import Patient, fold

JANE = {"family_name": "Otieno", "given_name": "Jane", "birth_date": "1990-04-03", "identifier": "MRN-0044"}


def patient(**changed: object) -> Patient:
    plain = {"family_name": "", "given_name": "", "name_local": "", "identifier": "", "birth_date": None}
    flags = {"name_unknown": False, "identifier_is_temporary": False}
    return Patient(**{**plain, **flags, **JANE, **changed})


def verdict(file: dict[str, str], **changed: object) -> tuple[Identity, list[str]]:
    return compare(patient(**changed), file)


def test_the_same_name_and_birth_date_match() -> None:
    assert verdict({"name": "Otieno^Jane", "birth_date": "19900403"}) == (Identity.MATCH, [])


@pytest.mark.parametrize(
    "name",
    ["OTIENO^JANE", "otieno^jane", "Jane^Otieno", "Otieno Jane", "Otieno, Jane", "Otieno^Jane^Akinyi", "Otieno^Jane^^^Mrs",
     "Otíeno^Jäne", "Otieno^Jane=オティエノ^ジェーン=", "=オティエノ^ジェーン", "  Otieno^  Jane "],
)  # fmt: skip
def test_a_name_is_the_same_in_any_order_case_or_accent_and_with_more_words(name: str) -> None:
    assert verdict({"name": name}, name_local="オティエノ ジェーン")[0] is Identity.MATCH


@pytest.mark.parametrize("name", ["Wanjiru^Mary", "Otieno^Mary", "Otien^Jane", "Wanjiru^Mary=オティエノ^メアリー"])
def test_another_name_is_a_mismatch_and_says_so(name: str) -> None:
    assert verdict({"name": name}, name_local="オティエノ ジェーン") == (Identity.MISMATCH, ["name"])


@pytest.mark.parametrize(("ours", "theirs"), [("1990", "19900403"), ("1990-04", "19900403"), ("1990-04-03", "1990")])
def test_a_date_known_in_part_agrees_as_far_as_it_goes(ours: str, theirs: str) -> None:
    assert verdict({"name": "Otieno^Jane", "birth_date": theirs}, birth_date=ours) == (Identity.MATCH, [])


@pytest.mark.parametrize(
    ("ours", "theirs"), [("1990", "19910403"), ("1990-04", "19900503"), ("1990-04-03", "19900404")]
)
def test_another_birth_date_is_a_mismatch_even_with_the_same_name(ours: str, theirs: str) -> None:
    file = {"name": "Otieno^Jane", "birth_date": theirs}
    assert verdict(file, birth_date=ours) == (Identity.MISMATCH, ["birth_date"])


def test_an_identifier_alone_is_only_a_candidate() -> None:
    assert verdict({"identifier": "MRN-0044"}) == (Identity.UNKNOWN, [])


def test_the_same_identifier_does_not_outweigh_another_name() -> None:
    file = {"identifier": "MRN-0044", "name": "Wanjiru^Mary", "birth_date": "19900403"}
    assert verdict(file) == (Identity.MISMATCH, ["name"])


def test_identifiers_of_two_hospitals_differ_and_the_same_name_and_birth_date_do_not() -> None:
    file = {"identifier": "7", "name": "Otieno^Jane", "birth_date": "19900403"}
    assert verdict(file) == (Identity.MATCH, [])


def test_another_identifier_with_the_same_name_and_no_birth_date_is_asked_about() -> None:
    assert verdict({"identifier": "7", "name": "Otieno^Jane"}) == (Identity.MISMATCH, ["identifier"])


@pytest.mark.parametrize(
    "empty", ["", " ", "^", "^^^", "TEST", "Anon^", "ANONYMOUS", "Test^Patient", "1234", "unknown", "N/A"]
)
def test_blank_and_placeholder_values_neither_match_nor_mismatch(empty: str) -> None:
    assert verdict({"name": empty, "identifier": empty, "birth_date": ""}) == (Identity.UNKNOWN, [])
    file = {"name": "Otieno^Jane", "identifier": empty, "birth_date": "19900403"}
    assert verdict(file) == (Identity.MATCH, [])


def test_a_patient_without_a_name_is_compared_by_what_there_is() -> None:
    unknown = {"name_unknown": True, "family_name": "", "given_name": "", "birth_date": None}
    assert verdict({"name": "Otieno^Jane"}, **unknown) == (Identity.UNKNOWN, [])
    assert verdict({"name": "Otieno^Jane", "birth_date": "1960"}, **{**unknown, "birth_date": "1990"}) == (
        Identity.MISMATCH, ["birth_date"],
    )  # fmt: skip


def test_a_temporary_identifier_is_ours_and_says_nothing_of_the_file() -> None:
    file = {"name": "Otieno^Jane", "identifier": "A-17"}
    assert verdict(file, identifier="T-K7M-2QX", identifier_is_temporary=True) == (Identity.MATCH, [])


def test_a_file_that_says_nothing_is_unknown() -> None:
    assert verdict({}) == (Identity.UNKNOWN, [])


def test_a_name_in_two_scripts_agrees_by_either() -> None:
    local = {"family_name": "", "given_name": "", "name_local": "山田 太郎"}
    assert verdict({"name": "Yamada^Tarou=山田^太郎=やまだ^たろう"}, **local)[0] is Identity.MATCH
    assert verdict({"name": "Yamada^Tarou=山田^花子"}, **local)[0] is Identity.MISMATCH


words = st.text(alphabet=st.characters(categories=("Lu", "Ll", "Lo")), min_size=1, max_size=12)


@given(st.lists(words, min_size=1, max_size=4), st.randoms())
def test_names_agree_with_themselves_in_any_order(names: list[str], random: object) -> None:
    shuffled = names[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis's own Random
    assert names_agree(names, shuffled)
    assert names_agree(shuffled, names)


@given(st.lists(words, min_size=1, max_size=3), st.lists(words, min_size=1, max_size=3))
def test_whether_names_agree_does_not_depend_on_which_comes_first(one: list[str], other: list[str]) -> None:
    assert names_agree(one, other) == names_agree(other, one)


@given(st.lists(st.sampled_from(sorted(PLACEHOLDERS)), min_size=1, max_size=3))
def test_placeholders_side_by_side_are_one(parts: list[str]) -> None:
    assert is_placeholder("^".join(parts).upper())


@given(st.text(max_size=40))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)
