"""What somebody ticked in a template: as it is sent, and what may be asked of it."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.referrals.given import Text, clean
from app.reports.template import AnyOf, Condition, Name, parts_of

Key = Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)?(~[2-9])?$", max_length=90)]
Number = Annotated[float, Field(ge=-100_000, le=1_000_000, allow_inf_nan=False)]
AXES = 3


class Given(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Spot(Given):
    """An image of the case, and the frame of it."""

    image: UUID
    frame: int = Field(1, ge=1)


class Answer(Given):
    """What is not answered was not assessed; `unclear` says that it was looked for and could not be."""

    choice: Name | None = None
    choices: list[Name] = Field([], max_length=30)
    numbers: list[Number] = Field([], max_length=AXES)
    text: Annotated[str, BeforeValidator(clean), Field(max_length=2_000)] = ""
    unclear: bool = False
    seen_on: list[Spot] = Field([], max_length=10)
    measurement_ids: list[UUID] = Field([], max_length=AXES)

    @property
    def is_empty(self) -> bool:
        return not (self.choice or self.choices or self.numbers or self.text or self.unclear)


Answers = dict[str, Answer]


class GivenForm(Given):
    """Which template, and what is ticked in it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {
        "template": "abdomen", "answers": {"gallbladder": {"choices": ["stones"]}, "gallbladder-wall": {"numbers": [3]}},
    }})  # fmt: skip

    template: Name
    answers: dict[Key, Answer] = Field({}, max_length=600)


class KeyImage(Spot):
    """An image that shows what the report says."""

    note: Annotated[Text, Field(max_length=200, description="Left out: as it is")] = ""


def kept(answers: dict[str, Answer]) -> dict[str, Any]:
    """As JSON, without what says nothing."""
    return {
        key: one.model_dump(mode="json", exclude_defaults=True)
        for key, one in sorted(answers.items())
        if not one.is_empty or one.seen_on
    }


def of(stored: dict[str, Any]) -> Answers:
    return {key: Answer.model_validate(one) for key, one in stored.items()}


class Known(BaseModel):
    """What an answer is held against: the clinic's word, and what is a clip."""

    model_config = ConfigDict(frozen=True)

    facts: dict[str, str] = {}
    images: dict[UUID, tuple[int, bool]] = {}  # id -> (its place on the strip, whether it is a clip)
    nearly: frozenset[str] = frozenset()  # the answers whose number is the ruler's, confirmed by nobody


def holds(condition: Condition, answers: Answers, n: int, known: Known, *, surely: bool = False) -> bool:
    """In repetition `n`, where the item is repeated; `surely` where a number that is nearly true is not enough."""
    if condition.fact is not None:
        return known.facts.get(condition.fact, "") in condition.one_of
    found = _found(condition.item or "", answers, n)
    if not found or any(one.unclear for one in found.values()):
        return False
    if surely and condition.at_least is not None and known.nearly & found.keys():
        return False
    return all(_fits(condition, one, known) for one in found.values())


def holds_any(groups: AnyOf, answers: Answers, n: int, known: Known, *, surely: bool = False) -> bool:
    """Whether all of one group hold."""
    return any(all(holds(one, answers, n, known, surely=surely) for one in group) for group in groups)


def _found(item: str, answers: Answers, n: int) -> Answers:
    """At every place of it; where the item is not repeated, its only one."""
    for number in dict.fromkeys((n, 1)):
        found = {key: one for key, one in answers.items() if not one.is_empty and parts_of(key)[::2] == (item, number)}
        if found:
            return found
    return {}


def _fits(condition: Condition, answer: Answer, known: Known) -> bool:
    chosen = {answer.choice, *answer.choices}
    if condition.one_of and not chosen & set(condition.one_of):
        return False
    if condition.at_least is not None and not (answer.numbers and answer.numbers[0] >= condition.at_least):
        return False
    return condition.on != "clip" or on_clip(answer, known)


def on_clip(answer: Answer, known: Known) -> bool:
    return any(known.images.get(spot.image, (0, False))[1] for spot in answer.seen_on)
