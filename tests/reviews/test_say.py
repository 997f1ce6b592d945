"""What clinic and reader say to each other: who is told, what is new to whom, and who has seen it."""

from datetime import datetime
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.cases import case as cases
from app.cases import lists
from app.cases.talk import Said, talk
from app.db import reading, transaction
from app.errors import Forbidden, Invalid, NotFound
from app.notifications.inbox import mark_case_read, unread_count, unread_messages
from app.people.models import Role
from app.referrals.models import ManifestItem, Referral
from app.reviews import claim, hold
from app.reviews.models import Message, Review, ReviewStatus
from app.reviews.say import say
from app.reviews.step import loaded
from tests import people
from tests.people import Places, Somebody
from tests.referrals.test_place import submitted
from tests.reviews.test_states import told

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def case(places: Places) -> Review:
    referral = submitted(places.referrer, files=[{"name": "a.dcm"}])
    with reading(WORKER) as session:
        return session.scalars(sa.select(Review).where(Review.referral_id == referral.id)).one()


def said(who: Somebody, review: Review, text: str, *files: UUID, as_reader: bool) -> Message:
    with transaction(who.actor) as session:
        return say(session, who.actor, loaded(session, who.actor, review.id), text, list(files), as_reader=as_reader)


def claimed(who: Somebody, review: Review) -> None:
    with transaction(who.actor) as session:
        claim.claim(session, who.actor, loaded(session, who.actor, review.id))


def opened(who: Somebody, review: Review) -> list[Said]:
    """The conversation as its page shows it, which reads it."""
    with transaction(who.actor) as session:
        unread: dict[UUID, datetime] = unread_messages(session, who.id, [review.referral_id])
        mark_case_read(session, who.id, review.referral_id)
    with reading(who.actor) as session:
        found = cases.whole(session, who.actor, review.referral_id)
        return talk(session, who.actor, found, unread.get(review.referral_id))


def test_a_word_of_the_clinic_is_told_to_all_who_read_until_somebody_has_the_case(case: Review, places: Places) -> None:
    said(places.referrer, case, "The probe was a linear one.", as_reader=False)
    assert told(places.reviewer)[-1] == told(places.second_reviewer)[-1] == "review.message"
    claimed(places.reviewer, case)
    said(places.referrer, case, "She is allergic to latex.", as_reader=False)
    assert told(places.reviewer).count("review.message") == 2
    assert told(places.second_reviewer).count("review.message") == 1
    assert told(places.stranger_reviewer) == []


def test_a_word_of_the_reader_is_told_to_the_author_and_to_whoever_spoke_for_the_clinic(
    case: Review, places: Places
) -> None:
    colleague = people.somebody(places.clinic, Role.REFERRER)
    said(places.reviewer, case, "Which probe?", as_reader=True)
    assert (told(places.referrer), told(colleague)) == (["review.message"], [])
    said(colleague, case, "The linear one.", as_reader=False)
    said(places.reviewer, case, "Thank you.", as_reader=True)
    assert (told(places.referrer), told(colleague)) == (["review.message"] * 2, ["review.message"])


def test_it_moves_no_state_and_stops_no_clock(case: Review, places: Places) -> None:
    claimed(places.reviewer, case)
    said(places.reviewer, case, "I am on it.", as_reader=True)
    with reading(WORKER) as session:
        now_there = session.get_one(Review, case.id)
    assert (now_there.status, now_there.due_at) == (ReviewStatus.ACCEPTED, case.due_at)


def test_what_is_new_is_marked_once_and_who_has_seen_it_is_said(case: Review, places: Places) -> None:
    claimed(places.reviewer, case)
    said(places.reviewer, case, "Which probe?", as_reader=True)
    said(places.referrer, case, "The linear one.", as_reader=False)
    said(places.referrer, case, "Set to 12 MHz.", as_reader=False)
    assert [one.is_new for one in opened(places.reviewer, case)] == [False, True, True]
    assert [one.is_new for one in opened(places.reviewer, case)] == [False, False, False]
    shown = opened(places.referrer, case)
    assert [one.is_new for one in shown] == [True, False, False]  # what one says oneself is not new
    assert [[name for name, _at in one.seen_by] for one in shown] == [[], [], [places.reviewer.name]]


def test_a_list_marks_what_its_reader_has_not_opened(case: Review, places: Places) -> None:
    claimed(places.reviewer, case)
    said(places.referrer, case, "Look at the second clip first.", as_reader=False)

    def is_marked(who: Somebody) -> bool:
        with reading(who.actor) as session:
            referral = session.get_one(Referral, case.referral_id)
            return lists.numbers(session, who.actor, [referral])[referral.id].unread_since is not None

    assert (is_marked(places.reviewer), is_marked(places.second_reviewer)) == (True, False)
    opened(places.reviewer, case)
    assert not is_marked(places.reviewer)
    with reading(WORKER) as session:
        assert unread_count(session, places.reviewer.id) == 0


def test_files_of_this_referral_are_named_and_no_others(case: Review, places: Places) -> None:
    with reading(WORKER) as session:
        mine = session.scalars(sa.select(ManifestItem.id).where(ManifestItem.referral_id == case.referral_id)).one()
    said(places.referrer, case, "This one.", mine, as_reader=False)
    assert [file.name for file in opened(places.referrer, case)[0].files] == ["a.dcm"]
    with pytest.raises(Invalid, match="not one of this referral"):
        said(places.referrer, case, "That one.", uuid4(), as_reader=False)


def test_a_question_is_new_to_the_clinic_as_a_message_is(case: Review, places: Places) -> None:
    claimed(places.reviewer, case)
    with transaction(places.reviewer.actor) as session:
        mine = session.scalars(sa.select(ManifestItem.id).where(ManifestItem.referral_id == case.referral_id)).all()
        hold.hold(session, places.reviewer.actor, loaded(session, places.reviewer.actor, case.id), "Since when?", mine)
    (said_here,) = opened(places.referrer, case)
    assert (said_here.is_new, [file.name for file in said_here.files]) == (True, ["a.dcm"])


def test_nobody_speaks_for_the_other_side_or_from_elsewhere(case: Review, places: Places) -> None:
    with pytest.raises(NotFound):
        said(places.stranger_reviewer, case, "Hello.", as_reader=True)
    with pytest.raises((Forbidden, NotFound)):
        said(places.referrer, case, "I read this.", as_reader=True)
    with pytest.raises((Forbidden, NotFound)):
        said(places.reviewer, case, "I asked this.", as_reader=False)
    with pytest.raises(Invalid, match="Write what you want to say"):
        said(places.reviewer, case, "", as_reader=True)
