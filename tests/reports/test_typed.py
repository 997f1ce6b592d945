"""Ages and dates are read as people type them, and what cannot be read is none."""

from datetime import date

import pytest

from app.reports.typed import ages, dates


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("31w4d on 10 Sep 2026, by the due date 7 Nov 2026", [(31, 4)]), ("31+4", [(31, 4)]), ("31 + 4 weeks", [(31, 4)]),
        ("31 weeks 4 days", [(31, 4)]), ("31 weeks and 4 days", [(31, 4)]), ("31 weeks, 4 days", [(31, 4)]),
        ("31 4/7 weeks", [(31, 4)]), ("31 weeks 4/7", [(31, 4)]), ("31w4", [(31, 4)]), ("~31w0d", [(31, 0)]),
        ("31 SA + 4 j le 10 sept. 2026", [(31, 4)]), ("31 SA 4 j", [(31, 4)]), ("31SA4j", [(31, 4)]),
        ("31 semaines et 4 jours", [(31, 4)]), ("31 weeks", [(31, None)]), ("31 SA", [(31, None)]),
        ("31 weeks on 3 Sep 2026", [(31, None)]), ("31w4d; size of 30w2d", [(31, 4), (30, 2)]),
        ("term", []), ("", []), ("10 Sep 2026", []), ("2026-09-10", []), ("150/min", []), ("BPD 82 mm", []),
    ],
)  # fmt: skip
def test_an_age_is_read(text: str, found: list[tuple[int, int | None]]) -> None:
    assert ages(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("7 Dec 2026, by CRL", ["2026-12-07"]), ("7 December 2026", ["2026-12-07"]), ("7th of December 2026", ["2026-12-07"]),
        ("December 7, 2026", ["2026-12-07"]), ("Dec 7th 2026", ["2026-12-07"]), ("2026-12-07", ["2026-12-07"]),
        ("7 déc. 2026, selon : LCC", ["2026-12-07"]), ("le 7 décembre 2026", ["2026-12-07"]), ("1er août 2026", ["2026-08-01"]),
        ("7/12/2026", ["2026-07-12", "2026-12-07"]), ("07.12.26", ["2026-07-12", "2026-12-07"]), ("27/12/2026", ["2026-12-27"]),
        ("10 Sept 2026", ["2026-09-10"]), ("31 Feb 2026", []), ("in December", []), ("31w4d", []), ("", []),
    ],
)  # fmt: skip
def test_a_date_is_read(text: str, found: list[str]) -> None:
    assert dates(text) == {date.fromisoformat(one) for one in found}
