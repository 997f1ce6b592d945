"""A reader's own files beside a message: seen by both sides, none of the clinic's files, and nobody else's to know of."""

from uuid import uuid4

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.audit.events import AuditEvent
from app.cases import case as cases
from app.cases import lists
from app.config import settings
from app.db import reading, transaction
from app.errors import Forbidden, Invalid, NotFound, TooLarge
from app.referrals.models import ManifestItem, Referral
from app.reviews.enclose import admit_enclosure, enclose, enclose_later, enclosure_for, for_enclosing, keep
from app.reviews.models import Enclosure, Message, Review
from app.reviews.say import say
from app.reviews.step import loaded
from app.storage import blobs
from app.storage.blobs import Blob
from app.studies.images import image_list
from app.studies.models import Document, Instance
from tests.faults.invariants import check_invariants
from tests.people import Places, Somebody, count
from tests.referrals.test_place import submitted
from tests.reviews.test_clocks import review_of
from tests.reviews.test_say import claimed, opened, said
from tests.reviews.test_states import told
from tests.studies.sent import a_dicom, a_jpeg, a_pdf, arrivals, send

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def case(places: Places) -> Review:
    """With an image of the clinic's, and the reader's."""
    referral = submitted(places.referrer)
    send(places.referrer, referral, a_dicom())
    review = review_of(referral.id)
    claimed(places.reviewer, review)
    return review


def sent_with(who: Somebody, review: Review, *bodies: bytes, text: str = "Like this.") -> Message:
    """As the form does."""
    with arrivals(*bodies) as spooled:
        kept = keep(who.actor, review, [admit_enclosure(one) for one in spooled])
        with transaction(who.actor) as session:
            mine = loaded(session, who.actor, review.id)
            message = say(session, who.actor, mine, text, [], as_reader=True)
            session.flush()
            enclose(session, who.actor, mine, message, kept)
    return message


def added(who: Somebody, review: Review, message: Message, body: bytes) -> Enclosure:
    """As a script does, to a message that has gone."""
    with arrivals(body) as spooled:
        (kept,) = keep(who.actor, review, [admit_enclosure(spooled[0])])
        with transaction(who.actor) as session:
            mine, own = for_enclosing(session, who.actor, review.id, message.id, lock=True)
            return enclose_later(session, who.actor, mine, own, kept)


def counted(who: Somebody, review: Review) -> tuple[object, ...]:
    """All that says how many files a case has, and what a report on it would rest on."""
    with reading(who.actor) as session:
        referral = session.get_one(Referral, review.referral_id)
        whole = cases.whole(session, who.actor, referral.id)
        files = (whole.counts, [one.id for one in whole.files], [one.id for one in whole.instances], whole.documents)
        listed = lists.numbers(session, who.actor, [referral])[referral.id]
        rests_on = image_list(session, referral.id)
    return files, listed, rests_on, count(ManifestItem), count(Instance), count(Document)


def test_a_file_of_the_reader_s_own_counts_as_none_of_the_clinic_s(case: Review, places: Places) -> None:
    before = counted(places.reviewer, case)
    sent_with(places.reviewer, case, a_jpeg(), a_pdf())
    assert counted(places.reviewer, case) == before
    for who in (places.referrer, places.reviewer):
        (shown,) = opened(who, case)
        assert {one.kind for one in shown.message.enclosures} == {"jpeg", "pdf"}
        assert shown.files == []
    with reading(WORKER) as session:
        of_rows = set(session.scalars(sa.select(Enclosure.organization_id)))
        of_bytes = set(session.scalars(sa.select(Blob.organization_id).join(Enclosure, Enclosure.blob_id == Blob.id)))
    assert of_rows == of_bytes == {places.hospital}


def test_both_sides_fetch_it_on_the_record_and_nobody_else_knows_of_it(case: Review, places: Places) -> None:
    body = a_jpeg()
    (enclosure,) = sent_with(places.reviewer, case, body).enclosures
    for who in (places.referrer, places.reviewer, places.coordinator):
        found = enclosure_for(who.actor, enclosure.id)
        assert b"".join(blobs.read(found.blob)) == body
        looked = (AuditEvent.action == "enclosure.opened", AuditEvent.person_id == who.id)
        assert count(AuditEvent, *looked, AuditEvent.referral_id == case.referral_id) == 1
    for stranger in (places.stranger_referrer, places.stranger_reviewer, places.admin):
        with pytest.raises(NotFound):
            enclosure_for(stranger.actor, enclosure.id)
    with pytest.raises(NotFound):
        enclosure_for(places.reviewer.actor, uuid4())


@pytest.mark.parametrize(("body", "sentence"), [
    (a_dicom(), "Only JPEG, PNG, MP4 and PDF go with a message"),
    (b"PK\x05\x06" + bytes(18), "Only JPEG, PNG, MP4 and PDF go with a message"),
    (b"a note", "Only JPEG, PNG, MP4 and PDF go with a message"),
    (a_pdf()[:100], "This file was cut off"),
    (b"", "This file is empty"),
], ids=["dicom", "zip", "text", "cut", "empty"])  # fmt: skip
def test_what_cannot_go_with_a_message_is_refused_in_the_words_of_the_door(body: bytes, sentence: str) -> None:
    with arrivals(body) as (spooled,), pytest.raises(Invalid, match=sentence):
        admit_enclosure(spooled)


def test_the_same_file_twice_is_once(case: Review, places: Places) -> None:
    body = a_jpeg()
    message = sent_with(places.reviewer, case, body, body)
    assert added(places.reviewer, case, message, body).id == message.enclosures[0].id
    assert count(Enclosure) == count(AuditEvent, AuditEvent.action == "enclosure.added") == 1
    check_invariants()


def test_a_message_takes_so_many_files_and_no_more(
    case: Review, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.config._current", settings().model_copy(update={"max_enclosures": 2}))
    message = sent_with(places.reviewer, case, a_jpeg(), a_pdf())
    with pytest.raises(TooLarge, match="At most 2 files go with a message"):
        added(places.reviewer, case, message, a_jpeg())
    assert count(Enclosure) == 2


def test_only_who_wrote_a_message_as_its_reader_adds_to_it(case: Review, places: Places) -> None:
    mine = said(places.reviewer, case, "Look.", as_reader=True)
    theirs = said(places.referrer, case, "Where?", as_reader=False)
    for who, message, refusal in (
        (places.second_reviewer, mine, Forbidden), (places.reviewer, theirs, Forbidden), (places.referrer, theirs, NotFound),
        (places.stranger_reviewer, mine, NotFound),
    ):  # fmt: skip
        with pytest.raises(refusal):
            added(who, case, message, a_jpeg())
    other = review_of(submitted(places.referrer).id)
    with pytest.raises(NotFound):
        added(places.reviewer, other, mine, a_jpeg())
    assert count(Enclosure) == 0


def test_a_file_that_follows_its_message_is_told_to_who_has_read_that_and_marked_as_new(
    case: Review, places: Places
) -> None:
    message = said(places.reviewer, case, "Look.", as_reader=True)
    added(places.reviewer, case, message, a_jpeg())
    assert told(places.referrer).count("review.message") == 1  # still unread: it says as much
    assert opened(places.referrer, case)[0].is_new
    added(places.reviewer, case, message, a_pdf())
    assert told(places.referrer).count("review.message") == 2
    assert opened(places.referrer, case)[0].is_new
    assert told(places.stranger_referrer) == []


def test_its_bytes_are_checked_and_kept_and_those_of_a_message_that_failed_are_swept(
    case: Review, places: Places
) -> None:
    (enclosure,) = sent_with(places.reviewer, case, a_jpeg()).enclosures
    with pytest.raises(Invalid, match="Write what you want to say"):
        sent_with(places.reviewer, case, a_pdf(), text="")
    assert count(Enclosure) == count(Message) == 1
    check_invariants()  # sweeps what nobody refers to, and looks at every stored byte again
    found = enclosure_for(places.reviewer.actor, enclosure.id)
    assert found.blob.key in set(blobs.store().keys())
