"""The six refusals; each door turns them into its own codes by one table."""

import re
from enum import StrEnum
from typing import Any

PLACES = re.compile(r"(?:[^{}]|\{[a-z_]+\})*")  # of values by name: a kept sentence has no other


class Sentence(str):
    """A sentence for people that carries values: itself in English, in other languages made anew from `words`."""

    words: str  # as the catalogues know it
    values: dict[str, object]

    def __new__(cls, words: str, /, **values: object) -> "Sentence":
        made = super().__new__(cls, words.format(**values))
        made.words, made.values = words, values
        return made

    def to_json(self) -> dict[str, object]:
        """To be kept, or sent by a decoder; a state is a word like others."""
        values = {
            name: value.to_json() if isinstance(value, Sentence)
            else Sentence(str(value)).to_json() if isinstance(value, StrEnum) else value
            for name, value in self.values.items()
        }  # fmt: skip
        return {"words": self.words, "values": values}

    @staticmethod
    def from_json(kept: dict[str, Any]) -> "Sentence":
        """ValueError where these are no words of ours: they may come from a decoder that a file has taken over."""
        values = {
            name: Sentence.from_json(value) if isinstance(value, dict) else value
            for name, value in kept["values"].items()
        }
        plural = kept.get("plural")
        if not PLACES.fullmatch(kept["words"]) or not PLACES.fullmatch(plural or ""):
            raise ValueError("no words of a sentence")
        if not plural:
            return Sentence(kept["words"], **values)
        del values["n"]
        return Counted(kept["words"], plural, n=int(kept["values"]["n"]), **values)


class Counted(Sentence):
    """A sentence about `n` things, which has another form for one."""

    plural: str

    def __new__(cls, one: str, several: str, /, *, n: int, **values: object) -> "Counted":
        made = str.__new__(cls, (one if n == 1 else several).format(n=n, **values))
        made.words, made.plural, made.values = one, several, {"n": n, **values}
        return made

    def to_json(self) -> dict[str, object]:
        return {**super().to_json(), "plural": self.plural}


def as_sentence(text: str) -> Sentence:
    """To stand in another one as what is said in the reader's language."""
    return text if isinstance(text, Sentence) else Sentence(text.replace("{", "(").replace("}", ")"))


class Refusal(Exception):
    """Something was asked for that cannot be given; the text is a sentence for people."""

    def __init__(self, sentence: str, *, field: str | None = None, **facts: object) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field
        self.facts = facts


class Invalid(Refusal):
    """What was sent breaks a rule; `field` names the offending one."""


class Forbidden(Refusal):
    """The actor may see this, but may not do that to it."""


class NotFound(Refusal):
    """It does not exist, or is not the actor's to know of: the two are never told apart."""

    def __init__(self, sentence: str = "There is nothing here.", **facts: object) -> None:
        super().__init__(sentence, field=None, **facts)


class Conflict(Refusal):
    """Somebody else was first, or the thing is not in a state that allows it."""


class TooLarge(Refusal):
    """More bytes, items or depth than the named limit."""


class Unavailable(Refusal):
    """A part of the service is away; the same request may work later."""

    def __init__(self, sentence: str, *, retry_after_s: int = 5, disk_full: bool = False) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s
        self.disk_full = disk_full
