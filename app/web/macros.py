"""A reader's short texts: kept, changed and removed by forms."""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from app.access.actor import Actor
from app.db import reading, transaction
from app.errors import Invalid
from app.http.actor import Acting
from app.people.models import Organization
from app.reports import macros
from app.reports.edit_template import RIGHT
from app.reports.macros import GivenMacro
from app.web.forms import Fields, Form, status_of
from app.web.pages import render, see_other
from app.web.words import speech_of

router = APIRouter(include_in_schema=False)


@router.get("/macros")
def show_macros(request: Request, who: Acting) -> Response:
    return _page(request, who, Form())


@router.post("/macros")
def keep_macro(request: Request, who: Acting, form: Fields) -> Response:
    try:
        with transaction(who) as session:
            macros.keep(session, who, _given(form))
    except Invalid as refusal:
        return _page(request, who, form.refused(refusal, speech_of(request, who)), status_of(refusal))
    return see_other("/macros")


@router.post("/macros/{macro_id}/remove")
def remove_macro(who: Acting, macro_id: UUID) -> Response:
    with transaction(who) as session:
        macros.remove(session, who, macro_id)
    return see_other("/macros")


def _given(form: Form) -> GivenMacro:
    try:
        return GivenMacro.model_validate(
            {
                "word": form.value("word"),
                "text": form.value("text"),
                "organization_id": form.value("organization_id") or None,
            }
        )
    except ValidationError as wrong:
        field = str(wrong.errors()[0]["loc"][0])
        sentence = Invalid("Write the text that the word stands for.", field="text")
        raise (
            sentence if field == "text" else Invalid("A word has letters, digits and hyphens.", field="word")
        ) from wrong


def _page(request: Request, who: Actor, form: Form, status: int = 200) -> Response:
    shares = who.organizations_for(RIGHT)
    with reading(who) as session:
        found = macros.of_reader(session, who)
        own = [session.get_one(Organization, each) for each in shares]
        names = {one.organization_id: session.get_one(Organization, one.organization_id).name for one in found}
    say = speech_of(request, who).gettext
    others = [(one.id, say("For everybody at {name}").format(name=one.name)) for one in own]
    return render(request, who, "macros.html", status, macros=found, own=own, others=others, names=names, form=form,
                  may_remove={who.person_id, *shares})  # fmt: skip
