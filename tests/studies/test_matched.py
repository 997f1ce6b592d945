"""Whether a referral asks about a study is known of those that came before it was kept, too."""

from alembic import command
from alembic.config import Config

from app.access.actor import WORKER
from app.cli.schema import MIGRATIONS
from app.config import Settings
from app.db import reading
from app.studies import ingest
from app.studies.models import ReferralStudy, Study
from tests.people import Places
from tests.referrals.test_place import placed
from tests.studies.sent import a_dicom, a_jpeg, arrivals, send


def test_the_migration_finds_the_studies_that_a_referral_asks_about(db: Settings, places: Places) -> None:
    send(places.referrer, placed(places.referrer), a_jpeg(), "a.jpg")
    with arrivals(a_dicom()) as arrived:
        ingest.ingest(places.referrer.actor, places.clinic, arrived)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("sqlalchemy.url", db.database_url.replace("%", "%%"))
    command.downgrade(config, "20261124_ground")
    command.upgrade(config, "head")
    with reading(WORKER) as session:
        attached = session.query(ReferralStudy).one()
        matched = {study.id: study.matched_at for study in session.query(Study)}
    assert matched.pop(attached.study_id) == attached.attached_at
    assert list(matched.values()) == [None]
