"""A template as a form of the reading room: what is ticked, by fields that need no script, and images by their numbers."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from uuid import UUID

from app.access.actor import Actor
from app.db import reading
from app.languages import Speech
from app.reports import filled as templates
from app.reports import kept_template, macros
from app.reports.answers import AXES, Answer, GivenForm, KeyImage, Spot
from app.reports.draft import GivenDraft
from app.reports.drawn import SignedKeyImage
from app.reports.filled import Filled
from app.reports.lacking import Lack, applies, chosen, counted
from app.reports.models import ReportVersion
from app.reports.offers import Offer, offers
from app.reports.template import Line, said
from app.reviews import step
from app.studies.growth import Growth
from app.web.forms import Form

UNCLEAR = "?"
FREE = "none"  # of templates: a free report
NUMBER = re.compile(r"[-−]?\d+(?:[.,]\d+)?")
BETWEEN = re.compile(r"[\s×x*;/]+")
KINDS = {"c.": "choice", "l.": "list", "n.": "numbers", "x.": "text"}
SPOT = re.compile(r"(\d+)(?:\s*/\s*(\d+))?")


@dataclass(frozen=True)
class Block:
    """A section, or one of its repetitions."""

    title: str
    n: int
    lines: list[Line]
    is_open: bool  # a further repetition stays closed until it is wanted
    is_ticked: bool

    @property
    def is_folded(self) -> bool:
        return self.lines[0].section.folded


@dataclass(frozen=True)
class Sheet:
    """The form as one person reads it."""

    filled: Filled
    language: str  # of the page; the report has its own
    lacks: dict[str, list[Lack]]
    offers: list[Offer]  # by the pregnancy and the sizes measured here

    @property
    def title(self) -> str:
        return said(self.filled.template.title, self.language)

    @property
    def ticked(self) -> int:
        return sum(not one.is_empty for one in self.filled.answers.values())

    @property
    def seen_on(self) -> set[str]:
        """The items of which it matters on what they were seen."""
        lines = list(self.filled.template.lines())
        needs = (one for line in lines for option in line.options for group in option.needs for one in group)
        return {line.item.code for line in lines if line.item.view} | {one.item for one in needs if one.on and one.item}

    def blocks(self) -> Iterator[Block]:
        lines = list(self.filled.template.lines())
        ticked = {(line.section.code, line.n) for line in lines if line.key in self.filled.answers}
        begun = ticked | counted(self.filled.template, self.filled.answers)
        for (code, n), grouped in groupby(lines, lambda line: (line.section.code, line.n)):
            block = list(grouped)
            section = block[0].section
            each = said(section.each, self.language).replace("{n}", str(n)) if section.each and n > 1 else ""
            yield Block(each or said(section.title, self.language), n, block, (code, n) in begun, (code, n) in ticked)

    def words(self, given: dict[str, str]) -> str:
        return said(given, self.language)

    def answer(self, line: Line) -> Answer:
        return self.filled.answers.get(line.key, Answer())

    def shown(self, line: Line) -> str:
        """Numbers as they are typed: '42 × 18 × 15'."""
        return " × ".join(f"{one:g}" for one in self.answer(line).numbers)

    def offered(self, line: Line) -> list[Offer]:
        return [one for one in self.offers if one.key == line.key]

    def contradicted(self) -> list[tuple[str, Offer]]:
        """What is typed, and known otherwise, by the name of each item; of a form that was begun."""
        lines = self.filled.template.lines() if self.filled.is_begun else ()
        return [
            (line.label(self.language), one) for line in lines for one in self.offered(line) if one.state == "differs"
        ]

    def spots(self, line: Line) -> str:
        return spots_said(self.answer(line).seen_on, self.filled.known.images)

    def when(self, line: Line) -> str:
        """For the page's script, which hides what makes no sense by what is ticked."""
        return json.dumps([one.model_dump(mode="json", by_alias=True, exclude_defaults=True) for one in line.when])

    def applies(self, line: Line) -> bool:
        """By what is ticked; without script it is shown all the same."""
        return applies(line, self.filled.answers, self.filled.known)

    def told(self, line: Line) -> str:
        """In words: of the other window, where two have ticked."""
        answer = self.answer(line)
        parts = [said(one.label, self.language) for one in chosen(line, answer)]
        numbers = f"{self.shown(line)} {line.item.unit}".strip() if answer.numbers else ""
        return ", ".join(part for part in (*parts, numbers, answer.text, UNCLEAR if answer.unclear else "") if part)

    def strange(self) -> list[str]:
        """Ticked, and not in this template."""
        return sorted(set(self.filled.answers) - {line.key for line in self.filled.template.lines()})


@dataclass(frozen=True)
class Sheets:
    """What the writing form needs of templates and images."""

    sheet: Sheet | None  # None: free text
    is_other: bool  # than the draft was saved with: kept by the next save, though nothing else is new
    theirs: Sheet | None  # as it was ticked in another window meanwhile
    others: list[tuple[str, str]]  # code and title of what could be written with instead
    key_images: str
    macros: dict[str, str]  # word -> text
    strip: str  # the images in their order: numbers mean these


def sheets_for(
    who: Actor,
    review_id: UUID,
    version: ReportVersion | None,
    code: str,
    typed: GivenDraft | None,
    spoken: Speech,
    growth: Growth | None,
    *,
    is_conflict: bool = False,
) -> Sheets:
    form = typed.form if typed else None
    with reading(who) as session:
        review = step.for_reader(session, who, review_id, "review.list")
        offered = kept_template.offered(session, review.reading_organization_id)
        wanted = code or (form.template if form else "")
        filled = templates.offer(session, review, version, wanted) if wanted != FREE else None
        known = filled.known if filled else templates.known_of(session, review)
        short = macros.of_reader(session, who) if who.person_id else []
        mine = replace(filled, answers=form.answers) if filled and form else filled
        known_of_it = offers(session, who, review, mine, spoken, growth) if mine else []
    language = spoken.language
    keys: list[KeyImage] = [SignedKeyImage.model_validate(one) for one in version.key_images] if version else []
    keys = keys if typed is None or typed.key_images is None else typed.key_images
    return Sheets(
        sheet=_sheet(mine, language, known_of_it), is_other=_is_other(version, filled),
        theirs=_sheet(filled, language, []) if is_conflict else None,
        others=[(one.template.code, said(one.template.title, language)) for one in offered
                if filled is None or one.template.code != filled.template.code],
        key_images=spots_said(keys, known.images), macros=macros.by_word(short), strip=" ".join(str(one) for one in known.images),
    )  # fmt: skip


def _is_other(version: ReportVersion | None, filled: Filled | None) -> bool:
    is_free = version is None or version.template_id is None
    if filled is None:
        return not is_free
    # Beside findings in one's own words a form is only offered
    return not filled.is_begun and not (is_free and version is not None and version.findings.strip())


def _sheet(filled: Filled | None, language: str, known: list[Offer]) -> Sheet | None:
    if filled is None:
        return None
    lacks: dict[str, list[Lack]] = {}
    for one in filled.lacks(language) if filled.is_begun else ():
        lacks.setdefault(one.key, []).append(one)
    return Sheet(filled, language, lacks, known)


def spots_said(spots: Sequence[Spot], images: Mapping[UUID, tuple[int, bool]]) -> str:
    """'3, 5/12': image 3, and frame 12 of clip 5, by their place on the strip."""
    known = [(images[spot.image], spot.frame) for spot in spots if spot.image in images]
    return ", ".join(f"{place}/{frame}" if is_clip else str(place) for (place, is_clip), frame in known)


def spots_of(text: str, strip: Sequence[UUID]) -> list[Spot]:
    """As typed; a number that no image has is nobody's."""
    found = [(int(place), int(frame or 1)) for place, frame in SPOT.findall(text[:200])]
    return [Spot(image=strip[place - 1], frame=frame) for place, frame in found if 1 <= place <= len(strip) and frame]


def ticked(form: Form) -> GivenForm | None:
    """What the fields say; None of a free report, as is one of which nothing is ticked and whose findings are own words.

    Without those a form stays one while nothing is ticked, so that what it requires is asked for.

    Each begins with its kind: `c.` a choice, `l.` several, `n.` numbers, `x.` text; beside them are `t.` a remark, `s.` what
    it was seen on, `m.` the measurements that the numbers are."""
    template = form.value("template")
    if not template or template == FREE:
        return None
    strip = strip_of(form)
    # Of several choices none is sent where none is ticked: a remark stands alone then.
    kinds = {name[2:]: "list" for name in form.given if name[:2] in ("t.", "s.")}
    kinds |= {name[2:]: KINDS[name[:2]] for name in form.given if name[:2] in KINDS}
    answers = {key: _answer(form, kind, key, strip) for key, kind in sorted(kinds.items())}
    told = {key: one for key, one in answers.items() if one.seen_on or not one.is_empty}
    return GivenForm(template=template, answers=told) if told or not form.value("findings").strip() else None


def key_images(form: Form) -> list[KeyImage]:
    """By their numbers."""
    return [KeyImage(image=one.image, frame=one.frame) for one in spots_of(form.value("key_images"), strip_of(form))]


def strip_of(form: Form) -> list[UUID]:
    """The images in the order in which the page showed them: their numbers are that page's."""
    return [UUID(one) for one in form.value("strip").split() if re.fullmatch("[0-9a-f-]{36}", one)]


def _answer(form: Form, kind: str, key: str, strip: Sequence[UUID]) -> Answer:
    given = [one for one in form.values(f"{kind[0]}.{key}" if kind != "text" else f"x.{key}") if one]
    values = [one for one in given if one != UNCLEAR]
    remark = form.value(f"t.{key}")
    made: dict[str, object] = {"unclear": UNCLEAR in given, "seen_on": spots_of(form.value(f"s.{key}"), strip)}
    if kind == "choice":
        made["choice"] = values[0] if values else None
    elif kind == "list":
        made["choices"] = values
    elif kind == "text":
        remark = " ".join(values)
    else:
        made["numbers"], unread = numbers_of(" ".join(values))
        remark = " ".join(part for part in (remark, unread) if part)
        made["measurement_ids"] = form.value(f"m.{key}").split()[:AXES]
    return Answer.model_validate({**made, "text": remark})


def numbers_of(text: str) -> tuple[list[float], str]:
    """'4,2' is 4.2 and '42 × 18' are two; what is no number is kept as a remark, so that nothing typed is lost."""
    parts = [part for part in BETWEEN.split(text.strip()) if part]
    if all(NUMBER.fullmatch(part) for part in parts) and len(parts) <= AXES:
        return [float(part.replace(",", ".").replace("−", "-")) for part in parts], ""
    return [], text.strip()
