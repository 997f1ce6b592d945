"""A form as it was sent, and what is wrong with it, beside the field it is wrong in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from starlette.datastructures import FormData
from starlette.requests import Request

from app.errors import Invalid, Refusal
from app.http.problems import Problem, problem_of
from app.languages import Speech


@dataclass
class Form:
    """What is shown in the fields, and one sentence for each that needs another look."""

    given: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    asked: dict[str, object] = field(
        default_factory=dict
    )  # of the patient: what differs, from whom, and at which field

    def value(self, name: str) -> str:
        found = self.given.get(name, "")
        return found if isinstance(found, str) else next(iter(found), "")

    def values(self, name: str) -> Sequence[str]:
        found = self.given.get(name, ())
        return [found] if isinstance(found, str) else found

    def wrong(self, name: str) -> str:
        return self.errors.get(name, "")

    def refused(self, refusal: Refusal, say: Speech, names: Mapping[str, str] | None = None) -> "Form":
        """The same form with the refusal beside its field; `names` leads from a field of the model to one of ours."""
        name = refusal.field or ""
        self.errors[(names or {}).get(name, name)] = say.gettext(refusal.sentence)
        if refusal.facts.get("confirm") == "patient.same_as":
            self.asked = {**refusal.facts, "field": (names or {}).get(name, name)}
        return self


async def _fields(request: Request) -> Form:
    """The body is capped before; a file in it is no field."""
    sent: FormData = await request.form(max_files=0, max_fields=1000)
    return Form({name: [str(each) for each in sent.getlist(name)] for name in sent})


Fields = Annotated[Form, Depends(_fields)]


def status_of(refusal: Refusal) -> int:
    """The status that this door gives a refusal, for a page that shows it inside its form."""
    problem: Problem = problem_of(refusal)
    return problem.status


def required(form: Form, name: str, sentence: str) -> str:
    """A text that has to be there."""
    if not (text := form.value(name).strip()):
        raise Invalid(sentence, field=name)
    return text
