"""The worklist: what is found by which words, and that it walks its indexes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.cases import desk
from app.db import engine, now, reading, transaction
from app.referrals.given import GivenReferral
from app.referrals.place import place
from app.reviews import options, submit, worklist
from app.reviews.models import Review
from app.reviews.worklist import Asked
from tests.people import Places, Somebody

pytestmark = pytest.mark.usefixtures("db")
Ask = Callable[..., list[str]]


def waiting(who: Somebody, given: dict[str, Any] | None = None, **patient: Any) -> str:
    """The code of a new referral that waits."""
    values = {"patient": patient, "exam_type": "abdomen", "question": "Gallstones?", **(given or {})}
    with transaction(who.actor) as session:
        referral_id = place(session, who.actor, GivenReferral.model_validate(values)).id
    with transaction(who.actor) as session:
        referral = submit.for_change(session, who.actor, referral_id)
        submit.submit(session, who.actor, referral)
        return referral.code


@pytest.fixture(params=["few", "many"])
def ask(request: pytest.FixtureRequest, places: Places, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The codes that somebody's worklist shows, both ways: looked up one by one, and met on the walk."""
    if request.param == "many":
        monkeypatch.setattr(worklist, "FEW", -1)

    def codes(who: Somebody = places.reviewer, **asked: Any) -> list[str]:
        with reading(who.actor) as session:
            page = worklist.worklist(session, who.actor, Asked(**asked))
            return [review.referral.code for review in page.reviews]

    return codes


def test_any_name_is_found_by_its_beginning_in_any_order_case_and_accent(places: Places, ask: Ask) -> None:
    jane = waiting(places.referrer, family_name="Otíeno", given_name="Jane Akinyi", name_local="オティエノ")
    waiting(places.referrer, family_name="Botieno", given_name="Ruth")
    for q in ("otieno", "OTÍE", "jane", "aki", "akinyi oti", "jane otieno", "オティ"):
        assert ask(q=q) == [jane], q
    for q in ("tieno", "otieno ruth", "janet", "%", "_tieno"):
        assert ask(q=q) == [], q


def test_a_code_and_an_identifier_are_found_and_a_part_of_them_is_not(places: Places, ask: Ask) -> None:
    code = waiting(places.referrer, family_name="Otieno", given_name="Jane", identifier="MRN-0044")
    waiting(places.referrer, family_name="Wanjiru", given_name="Mary", identifier="MRN-00440")
    assert ask(q="MRN-0044") == ask(q=" MRN-0044 ") == [code]
    assert ask(q=code) == ask(q=code.lower().replace("-", "")) == [code]
    assert ask(q="MRN") == ask(q=code[:3]) == []


def test_a_name_that_could_be_a_code_is_found_too(places: Places, ask: Ask) -> None:
    code = waiting(places.referrer, family_name="Ngetr4", given_name="Jane")
    assert ask(q="ngetr4") == [code]


def test_words_narrow_together_with_the_rest(places: Places, ask: Ask) -> None:
    code = waiting(places.referrer, family_name="Otieno", given_name="Jane")
    assert ask(q="jane", site=places.clinic, exam_type="abdomen", owner="none", status="requested") == [code]
    assert ask(q="jane", site=places.stranger) == ask(q="jane", exam_type="renal") == []
    assert ask(q="jane", owner=str(places.reviewer.id)) == ask(q="jane", status="completed") == []


def test_a_search_finds_nothing_of_another_organization(places: Places, ask: Ask) -> None:
    code = waiting(places.referrer, family_name="Otieno", given_name="Jane", identifier="MRN-1")
    for q in (code, "otieno", "MRN-1"):
        assert ask(places.stranger_reviewer, q=q) == []


def test_a_reader_finds_what_they_signed_by_words_too(places: Places, ask: Ask) -> None:
    waiting(places.referrer, family_name="Otieno", given_name="Jane")
    code = waiting(places.referrer, family_name="Wanjiru", given_name="Jane")
    with transaction(places.reviewer.actor) as session:
        session.execute(sa.update(Review).values(status="completed", owner_id=places.reviewer.id)
                        .where(Review.referral.has(code=code), Review.organization_id == places.clinic))  # fmt: skip
    with reading(places.reviewer.actor) as session:
        for q in (code, "jane", "wanj"):
            page = desk.signed_by(session, places.reviewer.actor, Asked(q=q))
            assert len(page.reviews) == 1, q
        assert desk.signed_by(session, places.reviewer.actor, Asked(q="otieno")).reviews == []


def test_a_language_and_what_is_overdue_narrow_too(places: Places, ask: Ask) -> None:
    french = waiting(places.referrer, {"language": "fr"}, family_name="Mbala")
    english = waiting(places.referrer, family_name="Otieno")
    assert ask(language="fr") == ask(language="fr", q="mbala") == [french]
    assert ask(language="sw") == ask(language="fr", q="otieno") == ask(overdue=True) == []
    with transaction(places.reviewer.actor) as session:
        late = now() - timedelta(minutes=1)
        session.execute(sa.update(Review).values(due_at=late).where(Review.referral.has(code=english)))
    assert ask(overdue=True) == ask(overdue=True, q="otieno") == [english]
    assert ask(overdue=True, language="fr") == []


def test_each_choice_has_its_count_and_no_other_organizations(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "MOST_COUNTED", 2)
    for given in ({"language": "fr"}, {"exam_type": "renal"}, {}, {}):
        waiting(places.referrer, given, family_name="Otieno")

    def found(who: Somebody) -> options.Options:
        with reading(who.actor) as session:
            return options.options(session, who.actor, [places.clinic, places.stranger])

    choices = found(places.reviewer)
    assert {site: options.few(count) for site, count in choices.sites.items()} == {
        places.clinic: "2+", places.stranger: "0",
    }  # fmt: skip
    assert {code: options.few(count) for code, count in choices.exam_types.items() if count} == {
        "abdomen": "2+", "renal": "1",
    }  # fmt: skip
    assert {code: options.few(count) for code, count in choices.languages.items()} == {"en": "2+", "fr": "1"}
    assert found(places.stranger_reviewer).languages == {}


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
@pytest.mark.parametrize(
    ("asked", "index"),
    [({}, "ix_review_open"), ({"site": True}, "ix_review_open_site"), ({"owner": "none"}, "ix_review_mine"),
     ({"owner": True}, "ix_review_mine"), ({"status": "requested"}, "ix_review_status"),
     ({"exam_type": "renal"}, "ix_review_open_exam_type"), ({"language": "fr"}, "ix_review_open_language"),
     ({"overdue": True}, "ix_review_open"), ({"status": "on-hold"}, "ix_review_status")],
)  # fmt: skip
def test_a_page_walks_an_index_that_has_its_order(places: Places, asked: dict[str, Any], index: str) -> None:
    given = {"site": places.clinic, "owner": str(places.reviewer.id)}
    asked = {name: given.get(name, value) if value is True else value for name, value in asked.items()}
    plan = plan_of(lambda: look(places.reviewer, Asked(**asked)))
    assert f"SEARCH review USING INDEX {index} (" in plan or f"USING COVERING INDEX {index} (" in plan
    before_the_merge = plan.partition("SCAN anon")[0]
    assert "TEMP B-TREE" not in before_the_merge


@pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
def test_what_somebody_signed_walks_an_index_that_has_its_order(places: Places) -> None:
    def signed() -> None:
        with reading(places.reviewer.actor) as session:
            desk.signed_by(session, places.reviewer.actor, Asked())

    plan = plan_of(signed)
    assert "INDEX ix_review_owner (" in plan
    assert "TEMP B-TREE" not in plan


def test_tabs_count_no_further_than_people_do(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worklist, "MOST_COUNTED", 2)
    said = []
    for name in ("Otieno", "Wanjiru", "Achieng"):
        waiting(places.referrer, family_name=name)
        with reading(places.reviewer.actor) as session:
            counts = worklist.counts(session, places.reviewer.actor)
        said.append({tab: worklist.few(count) for tab, count in counts.items()})
    rest = {"mine": "0", "asked": "0", "overdue": "0"}
    assert said[1] == {"open": "2", "unclaimed": "2", **rest}
    assert said[2] == {"open": "2+", "unclaimed": "2+", **rest}


def look(who: Somebody, asked: Asked) -> None:
    with reading(who.actor) as session:
        worklist.worklist(session, who.actor, asked)


def plan_of(act: Callable[[], None]) -> str:
    """How SQLite would answer the first SELECT of the act."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, values: Any, _context: object, _many: bool) -> None:
        seen.append((statement, values))

    sa.event.listen(engine(), "before_cursor_execute", note)
    try:
        act()
    finally:
        sa.event.remove(engine(), "before_cursor_execute", note)
    statement, values = next((text, given) for text, given in seen if text.startswith("SELECT"))
    with engine().connect() as connection:
        rows = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, values)
        return "\n".join(row[3] for row in rows)
