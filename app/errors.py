"""The six refusals; each door turns them into its own codes by one table."""


class Sentence(str):
    """A sentence for people that carries values: itself in English, in other languages made anew from `words`."""

    words: str  # as the catalogues know it
    values: dict[str, object]

    def __new__(cls, words: str, **values: object) -> "Sentence":
        made = super().__new__(cls, words.format(**values))
        made.words, made.values = words, values
        return made


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
