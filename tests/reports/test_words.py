"""Dates, ages and times are said in words that nobody reads two ways."""

from datetime import UTC, date, datetime

import pytest

from app.reports import words

EN, FR = words.in_language("en"), words.in_language("fr")
EXAM_DAY = date(2026, 4, 3)


@pytest.mark.parametrize(
    ("birth_date", "said"),
    [
        ("1990-04-03", "36 y"),
        ("1990-04-04", "35 y"),
        ("2024-04-03", "2 y"),
        ("2024-04-04", "23 months"),
        ("2026-01-09", "2 months"),
        ("2026-01-10", "11 weeks"),
        ("2026-03-06", "4 weeks"),
        ("2026-03-07", "27 days"),
        ("2026-04-02", "1 day"),
        ("2026-04-03", "0 days"),
        ("1990", "35–36 y"),
        ("1990-04", "35–36 y"),
        ("1990-03", "36 y"),
        ("2026", "under 1 y"),
        ("2026-05-01", ""),
        ("no date", ""),
    ],
)
def test_an_age_is_as_exact_as_the_birth_date(birth_date: str, said: str) -> None:
    assert words.age(birth_date, EXAM_DAY, EN) == said


def test_a_birth_date_names_its_month_and_the_age_on_the_day() -> None:
    assert words.born({"birth_date": "1990-04-03"}, EXAM_DAY, "en", EN) == "3 Apr 1990 (36 y)"
    assert words.born({"birth_date": "1990-04-03"}, EXAM_DAY, "fr", FR) == "3 avr. 1990 (36 ans)"
    assert words.born({"birth_date": "1990-04"}, EXAM_DAY, "en", EN) == "Apr 1990 (35–36 y)"


def test_a_stated_age_says_that_it_was_stated_and_when() -> None:
    stated = {"birth_date": None, "age": {"value": 5, "unit": "weeks"}}
    assert words.born(stated, EXAM_DAY, "en", EN) == "5 weeks, as stated"
    on_a_day = {**stated, "age_stated_on": "2026-04-01"}
    assert words.born(on_a_day, EXAM_DAY, "en", EN) == "5 weeks on 1 Apr 2026, as stated"
    assert words.born({"birth_date": None, "age": None}, EXAM_DAY, "en", EN) == "Not known"


def test_one_time_is_said_where_both_clocks_agree_and_two_where_they_differ() -> None:
    at = datetime(2026, 4, 3, 21, 30, tzinfo=UTC)
    assert words.moment(at, ["Africa/Nairobi", "Asia/Riyadh"], "en") == "4 Apr 2026, 00:30 (UTC+3)"
    assert words.moment(at, ["Africa/Nairobi", "Europe/Amsterdam"], "en") == (
        "4 Apr 2026, 00:30 Nairobi (UTC+3) · 3 Apr 2026, 23:30 Amsterdam (UTC+2)"
    )
    assert words.moment(at, ["Asia/Kathmandu", "America/New_York"], "en") == (
        "4 Apr 2026, 03:15 Kathmandu (UTC+5:45) · 3 Apr 2026, 17:30 New York (UTC−4)"
    )


def test_a_zone_that_does_not_exist_counts_as_utc() -> None:
    at = datetime(2026, 4, 3, 21, 30, tzinfo=UTC)
    assert words.moment(at, ["Mars/Olympus", "../etc/passwd"], "en") == "3 Apr 2026, 21:30 (UTC)"


@pytest.mark.parametrize(
    ("on", "at", "said"),
    [
        ("20260403", "140533.120000", "3 Apr 2026, 14:05 (UTC+3)"),
        ("2026-04-03", "14:05", "3 Apr 2026, 14:05 (UTC+3)"),
        ("20260403", "14", "3 Apr 2026, 14:00 (UTC+3)"),
        ("20260403", "", "3 Apr 2026"),
        ("20260403", None, "3 Apr 2026"),
        ("2026.04.03", "2pm", "2026.04.03, 2pm"),
        ("", "140533", ""),
        (None, None, ""),
    ],
)
def test_when_an_exam_was_is_said_as_far_as_it_is_known(on: str | None, at: str | None, said: str) -> None:
    assert words.exam_moment(on, at, ["Africa/Nairobi"], "en") == said


@pytest.mark.parametrize(("given", "code"), [("pt-BR", "pt"), ("FR", "fr"), ("", "en"), ("12", "en"), ("../x", "en")])
def test_a_language_is_reduced_to_its_code(given: str, code: str) -> None:
    assert words.bare(given) == code


def test_every_exam_type_and_sex_has_a_word_in_both_languages() -> None:
    from app.referrals.given import Sex
    from app.referrals.models import EXAM_TYPES

    same_in_french = {"pelvis", "abdomen", "scrotum"}
    for code in EXAM_TYPES:
        assert words.exam_type(code, EN) != code
        assert code in same_in_french or words.exam_type(code, FR) != words.exam_type(code, EN)
    for code in Sex:
        assert words.sex(code, EN) != code
        assert words.sex(code, FR) != words.sex(code, EN)
