"""Files that come after signing open one item for the same reader, which the next signed version closes."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.cases import attention, desk
from app.cases.slipped import Kind
from app.db import now, reading, transaction
from app.errors import Conflict
from app.reports import late
from app.reports.draft import report_of
from app.reports.late import LateFiles
from app.reports.models import VersionStatus
from app.reviews.step import loaded
from app.studies import settle
from app.studies.models import Study
from tests.people import Places, count
from tests.reports.test_signing import Reading, claimed, told
from tests.studies.sent import a_dicom, send

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


@pytest.fixture
def case(db: object, places: Places) -> Reading:
    return claimed(places)


def came(case: Reading, places: Places) -> None:
    """Another image, and what the worker does after a moment of quiet."""
    send(places.referrer, case.referral, a_dicom())
    with reading(WORKER) as session:
        studies = list(session.scalars(sa.select(Study.id)))
    for study_id in studies:
        settle._tell_late(sa.true())  # its job is queued, and done here by hand
        assert study_id
    late.late(str(case.referral.id))


def test_what_comes_before_signing_is_no_late_file(case: Reading, places: Places) -> None:
    came(case, places)
    case.sign(case.write())
    late.late(str(case.referral.id))
    assert count(LateFiles) == 0


def test_it_is_one_item_of_its_readers_with_a_deadline_until_no_change_is_signed(case: Reading, places: Places) -> None:
    case.sign(case.write())
    came(case, places)
    came(case, places)
    assert told(places.reviewer)[-1:] == ["report.late-files"]
    with reading(places.reviewer.actor) as session:
        ((item, _referral),) = desk.late_files_of(session, places.reviewer.actor)
        assert attention.page(session, places.coordinator.actor, []).items == [], (
            "its reader's alone before its deadline"
        )
    assert item.count == 2
    assert item.due_at > now()
    with transaction(WORKER) as session:
        session.execute(sa.update(LateFiles).values(due_at=now() - timedelta(minutes=1)))
    with reading(places.coordinator.actor) as session:
        assert [one.kind for one in attention.page(session, places.coordinator.actor, []).items] == [Kind.LATE_FILES]
    with transaction(places.reviewer.actor) as session:
        review = loaded(session, places.reviewer.actor, case.review_id)
        report = report_of(session, review)
        assert report
        line = late.no_change(session, places.reviewer.actor, review, report)
    assert (line.kind, line.reason) == ("appended", late.NO_CHANGE)
    signed = case.sign(case.write(line.revision, impression=line.impression))
    assert (signed.status, len(signed.images)) == (VersionStatus.APPENDED, 3)
    with reading(places.reviewer.actor) as session:
        assert desk.late_files_of(session, places.reviewer.actor) == []
        assert session.scalars(sa.select(LateFiles.version)).all() == [2]
    report = case.report()
    with transaction(places.reviewer.actor) as session:
        review = loaded(session, places.reviewer.actor, case.review_id)
        with pytest.raises(Conflict):
            late.no_change(session, places.reviewer.actor, review, report)
