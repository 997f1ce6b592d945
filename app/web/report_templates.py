"""An organization's templates: listed, edited with a preview, and given back to what is shipped."""

import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from app.access.actor import Actor
from app.db import reading, transaction
from app.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from app.http.actor import Acting
from app.languages import LANGUAGES
from app.people.models import Organization
from app.reports import edit_template, kept_template
from app.reports.answers import Known
from app.reports.compose import compose
from app.reports.edit_template import RIGHT
from app.reports.kept_template import Offered
from app.reports.shipped import body_of, shipped
from app.reports.template import Template
from app.web.forms import Fields, Form, status_of
from app.web.pages import render, see_other
from app.web.template_form import checked, edited, example
from app.web.words import speech_of

router = APIRouter(prefix="/organization/templates", include_in_schema=False)


def chosen(who: Acting, org: Annotated[UUID | None, Query()] = None) -> UUID:
    mine = who.organizations_for(RIGHT)
    if not mine or (org is not None and org not in mine):
        raise Forbidden("Only administrators and supervisors of the organization change its templates.")
    return org or mine[0]


Chosen = Annotated[UUID, Depends(chosen)]


@router.get("")
def show_templates(request: Request, who: Acting, org: Chosen) -> Response:
    with reading(who) as session:
        offered = kept_template.offered(session, org)
    return render(request, who, "templates.html", offered=offered, **_frame(who, org))


@router.get("/{code}")
def show_template(request: Request, who: Acting, org: Chosen, code: str) -> Response:
    return _page(request, who, org, _current(who, org, code))


@router.post("/{code}")
def change_template(request: Request, who: Acting, org: Chosen, code: str, form: Fields) -> Response:
    """Saved, or only shown (`act=preview`); a whole template as data goes before the single fields."""
    here = _current(who, org, code)
    try:
        template = _given(here, form)
        edit_template.refuse_unguarded(template)
        if form.value("act") == "preview":
            return _page(request, who, org, here, form, shown=template)
        with transaction(who) as session:
            edit_template.change(session, who, org, template)
    except (Invalid, Conflict, TooLarge) as refusal:
        form.refused(refusal, speech_of(request, who), {"": "template"})
        return _page(request, who, org, here, form, status_of(refusal))
    return see_other(f"/organization/templates/{code}?org={org}&saved=yes")


@router.post("/{code}/give-up")
def give_up_template(who: Acting, org: Chosen, code: str) -> Response:
    with transaction(who) as session:
        edit_template.give_up(session, who, org, code)
    return see_other(
        f"/organization/templates/{code}?org={org}" if code in shipped() else f"/organization/templates?org={org}"
    )


def _given(here: Offered, form: Form) -> Template:
    if form.value("base") != _version(here):
        raise Conflict("Somebody else changed this template meanwhile. It is shown as it is now.")
    if form.value("data"):
        return _of_json(form.value("data"), here)
    # What was previewed and is not saved yet goes on from there.
    before = _of_json(form.value("before"), here) if form.value("before") else here.template
    return checked(edited(json.loads(json.dumps(body_of(before))), form))


def _of_json(text: str, here: Offered) -> Template:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise Invalid("This is no JSON.", field="template") from wrong
    return checked({**body, "code": here.template.code} if isinstance(body, dict) else body)


def _current(who: Actor, org: UUID, code: str) -> Offered:
    with reading(who) as session:
        found = kept_template.current(session, org, code)
    if found is None:
        raise NotFound
    return found


def _version(here: Offered) -> str:
    return f"own-{here.own.version}" if here.own else f"shipped-{here.template.version}"


def _page(
    request: Request, who: Actor, org: UUID, here: Offered, form: Form | None = None, status: int = 200,
    shown: Template | None = None,
) -> Response:  # fmt: skip
    template = shown or here.template
    answers = example(template)
    texts = {code: compose(template, answers, Known(), code, {}).findings for code in LANGUAGES}
    data = (
        form.value("data")
        if form and form.value("data")
        else json.dumps(body_of(here.template), indent=1, ensure_ascii=False)
    )
    return render(
        request, who, "template.html", status, offered=here, shown=template, base=_version(here), texts=texts, data=data,
        before=json.dumps(body_of(shown)) if shown else "", form=Form(errors=form.errors) if form and shown else form or Form(),
        saved=bool(request.query_params.get("saved")), is_shipped=here.template.code in shipped(),
        **_frame(who, org),
    )  # fmt: skip


def _frame(who: Actor, org: UUID) -> dict[str, Any]:
    with reading(who) as session:
        own = [session.get_one(Organization, each) for each in who.organizations_for(RIGHT)]
    return {"own": own, "here": next(one for one in own if one.id == org)}
