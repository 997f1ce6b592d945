"""The reading room: one case with its images, its question and the report that is being written."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.access.actor import Actor, person_of
from app.cases import case as cases
from app.cases import desk, sights
from app.cases.case import Case, note_opened
from app.cases.desk import Prior
from app.cases.sights import Sight
from app.cases.talk import Said, talk
from app.config import settings
from app.db import now, reading, transaction
from app.errors import Conflict, NotFound
from app.http.actor import Acting
from app.http.etag import etag
from app.languages import LANGUAGES
from app.notifications.inbox import mark_case_read, unread_messages
from app.people.models import Organization, Person
from app.referrals.date_pregnancy import may_date
from app.referrals.models import FileStatus, ManifestItem
from app.reports import countersign, filled, words
from app.reports.draft import GivenDraft, open_draft
from app.reports.models import ReportVersion
from app.reports.send_back import Remark, remarks
from app.reports.send_on import elsewhere
from app.reviews import clocks, opinion, seen, step
from app.reviews.models import OPEN, WAITING, Review, ReviewStatus
from app.reviews.opinion import SecondOpinion
from app.storage.spool import limit_words
from app.studies import machine
from app.studies.growth import Earlier, Growth, growth, series
from app.studies.images import image_list, image_list_sha256
from app.studies.machine import Line
from app.web.clock import Left, time_left
from app.web.measured import machine_words, measured_words, written_words
from app.web.pages import render
from app.web.pregnancy import is_about, words_of
from app.web.sheet import sheets_for
from app.web.words import speech_of

router = APIRouter(include_in_schema=False)
GONE = (ReviewStatus.REJECTED, ReviewStatus.CANCELLED)
ASSIGNABLE = (ReviewStatus.REQUESTED, ReviewStatus.RECEIVED, ReviewStatus.ACCEPTED, ReviewStatus.IN_PROGRESS,
              ReviewStatus.REJECTED)  # fmt: skip
WRITABLE = (ReviewStatus.ACCEPTED, ReviewStatus.IN_PROGRESS, ReviewStatus.ON_HOLD)

IMPRESSION, FORM = "impression", "form"
MOST_NAMED = 12  # files beside a message
BEGINNING = 5  # of the strip: the page comes with so many, the rest when the first image is there
UNCHANGED = {"images": False, "question": False, "message": False, "ended": False, "lost": False}


@dataclass(frozen=True)
class May:
    """What this person can do here now; each has its button."""

    claim: bool
    type: bool  # before claiming, too: the text is kept on the device
    save: bool
    sign: bool
    countersign: bool  # another's, who is supervised
    hold: bool
    decline: bool
    release: bool
    assign: bool
    give_back: bool  # a declined one, to the clinic
    measure: bool


@dataclass(frozen=True)
class Watched:
    """What those parts of the page need that are fetched again while one reads."""

    case: Case
    review: Review
    sights: list[Sight]
    images_sha256: str
    draft: ReportVersion | None
    seen: dict[str, str]  # how this person saw each image
    may: May
    lapses_at: datetime | None  # the claim, once its owner was warned

    @property
    def strip(self) -> list[Sight]:
        """All that can be looked at, previews last: no number changes as they go."""
        return self.sights + sights.previews(self.case)

    @property
    def images_tag(self) -> str:
        """What the page showed, as one word to compare by."""
        return self.images_sha256 + "".join(f".{one.id.hex[-6:]}" for one in self.case.previewed)


@dataclass(frozen=True)
class Room(Watched):
    """All of the page."""

    priors: list[Prior]
    readers: list[Person]
    elsewhere: list[Organization]  # that read for the clinic too, while it is to be given to somebody
    talk: list[Said]
    machine: list[Line]  # what the machine measured itself
    growth: Growth | None  # where there is or may be a pregnancy
    earlier: list[Earlier]  # other examinations of that pregnancy
    opinions: list[SecondOpinion]
    askable: list[tuple[str, str]]  # who can be asked for one: a value of the form, and its words
    supervised: bool  # what this person signs waits for a supervisor
    remarks: list[Remark]  # with which supervisors sent it back, the newest first


@dataclass(frozen=True)
class Beside:
    """An earlier case of the same patient, looked at side by side."""

    case: Case
    sights: list[Sight]
    shown: Sight | None


@dataclass(frozen=True)
class Outcome:
    """What became of an act that did not go through: the room is shown again with it, the typed text kept."""

    notice: str = ""
    field: str | None = None
    typed: GivenDraft | None = None
    theirs: GivenDraft | None = None  # the text that somebody else saved in between
    reason: str = ""  # of a question or a refusal that was being written
    advice: str = ""
    note: str = ""  # a message that was being written
    status: int = 200


@router.get("/reviews/{review_id}")
def show_room(
    review_id: UUID, who: Acting, request: Request, image: str | None = None, prior: UUID | None = None,
    *, prior_image: str | None = None, all: bool = False, missing: str = "",  # noqa: A002 - the word in the address
    window: str = "", template: str = "",
) -> Response:  # fmt: skip
    """`missing` is the part without which nothing is signed; whoever has written it since is told nothing.
    `window=report` leaves the picture to another window."""
    room, said = entered(who, review_id), Outcome()
    beside = _beside(who, room, prior, prior_image) if prior else None
    if missing == IMPRESSION and room.may.sign and not (room.draft and room.draft.impression):
        say = speech_of(request, who).gettext
        said = Outcome(say("Write the impression: it is the answer to the question."), IMPRESSION)
    if missing == FORM and room.may.sign:
        said = Outcome(field=FORM)
    return room_page(request, who, room, said, image, beside, whole=all, alone=window == "report", template=template)


@router.get("/reviews/{review_id}/strip")
def show_strip(review_id: UUID, who: Acting, request: Request) -> Response:
    """All of it, for the page that began with a part."""
    room = _watched(who, review_id)
    note_opened(who, room.case.referral)
    return render(request, who, "reading_strip.html", review=room.review, room=room, sights=room.strip, pane="", beginning=0,
                  shown=None, beside=None)  # fmt: skip


@router.get("/reviews/{review_id}/own")
def show_own_reading(review_id: UUID, who: Acting, request: Request) -> Response:
    """The operator's, as soon as the reader's impression is saved."""
    room = _watched(who, review_id)
    note_opened(who, room.case.referral)
    return render(request, who, "reading_own.html", review=room.review, referral=room.case.referral, case=room.case)


@router.get("/reviews/{review_id}/now")
def show_now(
    review_id: UUID,
    who: Acting,
    request: Request,
    images: str = "",
    version: int = 0,
    messages: int = 0,
    *,
    mine: bool = False,
) -> Response:
    """What changes while one reads: the time left, files that came, the question, whose it is."""
    room = _watched(who, review_id)
    note_opened(who, room.case.referral)
    changed = {
        "images": room.images_tag != images, "question": room.case.referral.version != version,
        "message": len(room.case.messages) > messages, "ended": _has_ended(room),
        "lost": mine and room.review.status in OPEN and room.review.owner_id != who.person_id,
    }  # fmt: skip
    return render(request, who, "reading_now.html", room=room, left=left(request, who, room), changed=changed)


def entered(who: Actor, review_id: UUID) -> Room:
    """Opening is an event, reads what one was told of the case, and marks a new review as seen by the reading side."""
    with transaction(who) as session:
        review = step.for_reader(session, who, review_id, "review.list")
        cases.opened(session, who, review.referral)
        unread = unread_messages(session, who.person_id, [review.referral_id])
        mark_case_read(session, person_of(who), review.referral_id)
        if review.status == ReviewStatus.REQUESTED and who.may("review.read", review.reading_organization_id):
            with suppress(Conflict):  # somebody else saw or took it at this moment
                step.step(session, review, "see")
    return _read(who, review_id, unread.get(review.referral_id))


def room_page(
    request: Request, who: Actor, room: Room, said: Outcome, image: str | None = None, beside: Beside | None = None,
    *, whole: bool = False, alone: bool = False, template: str = "",
) -> Response:  # fmt: skip
    shown = sights.chosen(room.strip, image)
    version = room.draft or room.case.current_version
    sheets = sheets_for(who, room.review.id, version, template, said.typed, speech_of(request, who), room.growth,
                        is_conflict=said.theirs is not None)  # fmt: skip
    is_late = shown is not None and shown in room.strip[BEGINNING:]
    return render(
        request, who, "reading.html", said.status, room=room, case=room.case, review=room.review, may=room.may,
        referral=room.case.referral, patient=room.case.referral.patient, left=left(request, who, room), said=said,
        shown=shown, beginning=0 if whole or is_late or beside else BEGINNING,
        text=said.typed or _text(room), tag=tag(room.draft), changed=UNCHANGED, named=_named(room.case, shown),
        beside=beside, clock_seconds=clock_seconds, alone=alone, sheets=sheets, report_languages=report_languages,
        may_date=may_date(who, room.case.referral),
        enclosing={"n": settings().max_enclosures, "limit": limit_words(settings().max_enclosure_bytes)},
        earlier_words=_earlier_words(beside), measured_words=measured_words(speech_of(request, who)),
        written_words=written_words(), **machine_words(speech_of(request, who)), **words_of(speech_of(request, who)),
    )  # fmt: skip


def _earlier_words(beside: Beside | None) -> dict[str, str]:
    """The day of the case beside this one, by the language of the report."""
    return {code: words.day(beside.case.referral.created_at.date(), code) for code in LANGUAGES} if beside else {}


def _named(case: Case, shown: Sight | None) -> list[ManifestItem]:
    """The files that a message can be about: that of the picture on the stage first, then the newest."""
    here = [one for one in reversed(case.files) if one.status == FileStatus.STORED and not one.is_archive]
    on_stage = shown.source_id if shown else None
    return sorted(here, key=lambda one: on_stage not in (one.instance_id, one.document_id))[:MOST_NAMED]


def clock_seconds(at: datetime, organization: Organization) -> str:
    """'14:03:12' by the organization's clock."""
    return f"{at.astimezone(words.zone(organization.time_zone)):%H:%M:%S}"


def tag(draft: ReportVersion | None) -> str:
    """What the JSON door calls the draft's ETag; empty before the first save."""
    return etag(draft.id, draft.revision) if draft else ""


def _watched(who: Actor, review_id: UUID) -> Watched:
    with reading(who) as session:
        return _at_a_glance(session, who, step.for_reader(session, who, review_id, "review.list"))


def _at_a_glance(session: Session, who: Actor, review: Review) -> Watched:
    case = cases.whole(session, who, review.referral_id)
    if case.review is None:
        raise NotFound
    draft = open_draft(case.report)
    return Watched(
        case=case, review=case.review, sights=sights.of(session, case), draft=draft, may=_may(who, case.review, draft),
        images_sha256=image_list_sha256(image_list(session, case.referral.id)), seen=seen.seen(session, who, review.id),
        lapses_at=clocks.lapses_at(session, review) if review.written_at is None and review.owner_id == who.person_id else None,
    )  # fmt: skip


def _read(who: Actor, review_id: UUID, unread_since: datetime | None = None) -> Room:
    with reading(who) as session:
        review = step.for_reader(session, who, review_id, "review.list")
        here = _at_a_glance(session, who, review)
        case, may, reader_id = here.case, here.may, review.reading_organization_id
        return Room(
            **vars(here), talk=talk(session, who, case, unread_since), priors=desk.priors(session, who, case.referral),
            readers=desk.readers(session, reader_id) if may.assign else [],
            elsewhere=elsewhere(session, review) if may.give_back else [],
            growth=growth(session, who, case.referral, instances=case.instances) if is_about(case.referral) else None,
            earlier=series(session, who, case.referral), machine=machine.lines(session, who, case.instances),
            opinions=opinion.of_review(session, review.id), askable=_askable(session, who, review),
            supervised=countersign.is_supervised(session, who.person_id, reader_id), remarks=remarks(session, review.id),
        )  # fmt: skip


def _askable(session: Session, who: Actor, review: Review) -> list[tuple[str, str]]:
    """For its reader while it is open: colleagues, then organizations that read for theirs."""
    if review.owner_id != who.person_id or review.status not in OPEN:
        return []
    here = review.reading_organization_id
    people = [(f"person:{one.id}", one.name) for one in desk.readers(session, here) if one.id != who.person_id]
    return people + [(f"organization:{one.id}", one.name) for one in opinion.askable(session, here)]


def _beside(who: Actor, room: Room, referral_id: UUID, image: str | None) -> Beside:
    """One of the patient's earlier cases; looking at it is an event of its own, written first."""
    prior = next((one.referral for one in room.priors if one.referral.id == referral_id), None)
    if prior is None:
        raise NotFound
    note_opened(who, prior)
    with reading(who) as session:
        case = cases.whole(session, who, prior.id)
        found = sights.of(session, case)
    return Beside(case=case, sights=found, shown=sights.chosen(found, image))


def _may(who: Actor, review: Review, draft: ReportVersion | None) -> May:
    reads = who.may("review.read", review.reading_organization_id)
    mine = reads and review.owner_id == who.person_id
    amending = mine and review.status == ReviewStatus.COMPLETED and draft is not None
    under_way = mine and review.status in (ReviewStatus.ACCEPTED, ReviewStatus.IN_PROGRESS)
    waiting = reads and review.status in WAITING
    gives = who.may("review.assign", review.reading_organization_id)
    return May(
        claim=waiting, type=waiting or amending or (mine and review.status in WRITABLE),
        countersign=countersign.is_for(who, review),
        save=amending or (mine and review.status in WRITABLE), sign=under_way or amending, hold=under_way,
        decline=waiting or under_way, release=mine and review.status in WRITABLE,
        assign=gives and review.status in ASSIGNABLE,
        give_back=gives and review.status == ReviewStatus.REJECTED and review.returned_at is None, measure=reads,
    )  # fmt: skip


def _text(room: Room) -> GivenDraft:
    """The draft, or what a preliminary reading said."""
    version = room.draft or room.case.current_version
    if version is None:
        return GivenDraft(language=room.case.referral.language)
    typed = filled.reopened(version) if room.draft is None else {}
    names = ("findings", "impression", "recommendation", "language")
    return GivenDraft(**{name: typed.get(name, getattr(version, name)) for name in names})


def report_languages(own: str) -> list[str]:
    """Those in which the fixed words are, and the one that the draft or the referral has."""
    return list(dict.fromkeys([own, *words.LANGUAGES]))


def left(request: Request, who: Actor, room: Watched) -> Left | None:
    if room.review.status not in OPEN:
        return None
    at = now()
    due_at = clocks.due(room.review, room.case.referral.patient_leaves_at, at)
    return time_left(due_at, at, speech_of(request, who).ngettext)


def _has_ended(room: Watched) -> bool:
    """A signed one that is being changed goes on; a cancelled or declined one does not, whatever was written."""
    status = room.review.status
    return status in GONE or (status not in OPEN and room.draft is None)
