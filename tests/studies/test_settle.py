"""Settling a study: one file's trouble is its own, and what fails for good is not begun anew for ever."""

import json
import zlib
from collections.abc import Iterator
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from app.access.actor import WORKER
from app.config import Settings
from app.db import new_id, reading, transaction
from app.errors import Unavailable
from app.jobs import queue
from app.referrals.models import USUAL_PRIORITY, ManifestItem
from app.storage import blobs
from app.studies import decoding
from app.studies.models import Instance, InstanceHeader, Study
from app.studies.settle import _each, catch_up, settle
from tests.people import Places
from tests.referrals.test_place import placed
from tests.studies.sent import a_dicom, send

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture(autouse=True)
def _pool() -> Iterator[None]:
    yield
    decoding.stop()


@pytest.fixture
def study(places: Places) -> Study:
    """Two stills that wait to be settled, and no job for them."""
    referral = placed(places.referrer)
    for name in ("1.dcm", "2.dcm"):
        send(places.referrer, referral, a_dicom(study="2.25.77"), name)
    for job in queue.client().list_workflows(status=WAITING):
        queue.client().delete_workflow(job.workflow_id)
    with reading(WORKER) as session:
        return session.scalars(sa.select(Study)).one()


WAITING = ["ENQUEUED", "DELAYED"]


def waiting() -> list[str]:
    return [job.workflow_id for job in queue.client().list_workflows(name="studies.settle", status=WAITING)]


def instances(study: Study) -> list[Instance]:
    with reading(WORKER) as session:
        query = sa.select(Instance).where(Instance.study_id == study.id).order_by(Instance.id)
        return list(session.scalars(query.options(joinedload(Instance.blob))))


def test_what_its_sender_wants_first_is_prepared_first(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = instances(study)
    with transaction(WORKER) as session:
        session.execute(
            sa.update(ManifestItem).where(ManifestItem.instance_id == second.id).values(priority=USUAL_PRIORITY - 1)
        )
    prepared: list[UUID] = []
    monkeypatch.setattr("app.studies.settle._prepare", prepared.append)
    settle(str(study.id))
    assert prepared == [second.id, first.id]


def test_a_study_whose_job_is_over_is_taken_up_once_for_what_it_holds(study: Study) -> None:
    catch_up()
    catch_up()
    (job_id,) = waiting()
    queue.client().cancel_workflow(job_id)  # over, and without success
    catch_up()
    assert waiting() == []
    with transaction(WORKER) as session:
        session.execute(sa.update(Study).values(content_version=Study.content_version + 1))
    catch_up()
    assert len(waiting()) == 1


def test_bytes_that_are_away_stop_one_preview_and_the_study_is_tried_again(study: Study) -> None:
    first = instances(study)[0]
    blobs.store().delete(first.blob.key)
    with pytest.raises(Unavailable):
        settle(str(study.id))
    assert [one.preview for one in instances(study)] == ["pending", "ready"]
    with reading(WORKER) as session:
        assert session.get_one(Study, study.id).settled_version == 0


def test_a_header_that_cannot_be_made_stops_no_study(
    study: Study, db: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit was lowered, say, between the file's arrival and now."""
    monkeypatch.setattr("app.config._current", db.model_copy(update={"max_dicom_header_bytes": 100}))
    settle(str(study.id))
    with reading(WORKER) as session:
        assert session.get_one(Study, study.id).settled_version == study.content_version
        headers = [json.loads(zlib.decompress(row.packed)) for row in session.query(InstanceHeader)]
    assert [one["0020000D"]["Value"] for one in headers] == [["2.25.77"]] * 2


def test_an_older_look_does_not_undo_a_newer_one(study: Study) -> None:
    settle(str(study.id))
    with transaction(WORKER) as session:
        session.execute(sa.update(Study).values(settled_version=Study.content_version + 5))
    settle(str(study.id))
    with reading(WORKER) as session:
        row = session.get_one(Study, study.id)
    assert row.settled_version == row.content_version + 5


def test_only_failures_in_a_row_end_the_round() -> None:
    ids, tried = [new_id() for _ in range(9)], []

    def every_other(one: UUID) -> None:
        tried.append(one)
        if len(tried) % 2:
            raise Unavailable("Away.")

    assert _each(ids, every_other) == 5
    assert tried == ids
    with pytest.raises(Unavailable):
        _each(ids, _away)


def _away(_one: UUID) -> None:
    raise Unavailable("Away.")
