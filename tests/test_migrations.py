"""Every migration leads up from the one before it, with the rows that are there, on both databases."""

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from app.access.actor import WORKER
from app.cli import schema
from app.config import Settings
from app.db import engine, reading, transaction
from app.people.models import Person
from app.referrals.given import GivenReferral
from app.referrals.place import place
from app.reviews import submit
from app.reviews.models import Message, Review
from tests.people import Places


@pytest.fixture
def alembic(db: Settings) -> Config:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    config.set_main_option("sqlalchemy.url", db.database_url.replace("%", "%%"))
    return config


def test_the_models_and_the_migrations_say_the_same(alembic: Config) -> None:
    command.check(alembic)  # raises what `alembic revision --autogenerate` would write


def test_the_newest_file_is_the_one_that_no_other_follows() -> None:
    assert ScriptDirectory(str(schema.MIGRATIONS)).get_current_head() == schema.head()


def test_partial_indexes_are_partial_whatever_way_led_there(alembic: Config, db: Settings) -> None:
    before = _partial_indexes()
    named = {"ix_review_open", "ix_review_unclaimed", "ix_review_open_exam_type", "ix_review_open_language"}
    assert named | {"ix_notification_unread", "ix_notification_digest"} <= before
    command.downgrade(alembic, "20261124_ground")
    command.upgrade(alembic, "head")
    assert _partial_indexes() == before


def test_a_review_from_before_knows_its_exam_type(alembic: Config, places: Places) -> None:
    who = places.referrer.actor
    given = {"patient": {"family_name": "Otieno"}, "exam_type": "renal", "question": "Hydronephrosis?"}
    with transaction(who) as session:
        referral = place(session, who, GivenReferral.model_validate(given))
    with transaction(who) as session:
        submit.submit(session, who, submit.for_change(session, who, referral.id))
    command.downgrade(alembic, "20261124_ground")
    command.upgrade(alembic, "head")
    with reading(WORKER) as session:
        assert session.scalars(sa.select(Review.exam_type)).all() == ["renal"]


def test_what_lay_there_before_knows_its_language_its_side_and_its_mails(alembic: Config, places: Places) -> None:
    who = places.referrer.actor
    given = {"patient": {"family_name": "Mbala"}, "exam_type": "renal", "question": "Hydronéphrose ?", "language": "fr"}
    with transaction(who) as session:
        referral = place(session, who, GivenReferral.model_validate(given))
    with transaction(who) as session:
        review = submit.submit(session, who, submit.for_change(session, who, referral.id))
        reader = places.reviewer.id
        said = {"organization_id": places.clinic, "review_id": review.id, "person_id": reader, "text": "?"}
        session.add_all(Message(**said, kind=kind, file_ids=[]) for kind in ("question", "reply"))
    command.downgrade(alembic, "20261127_referring_physician")
    command.upgrade(alembic, "head")
    with reading(WORKER) as session:
        assert session.scalars(sa.select(Review.language)).all() == ["fr"]
        asked = session.execute(sa.select(Message.kind, Message.from_reader)).all()
        assert {row.kind: row.from_reader for row in asked} == {"question": True, "reply": False}
        assert session.get_one(Person, reader).mails == "instantly"


def _partial_indexes() -> set[str]:
    found = sa.inspect(engine())
    return {
        str(index["name"])
        for table in found.get_table_names()
        for index in found.get_indexes(table)
        if any(name.endswith("_where") for name in index["dialect_options"])
    }
