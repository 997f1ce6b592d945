"""The templates that an organization writes its reports with: as they are shipped, or as it has changed them."""

from typing import Any, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from app.access.actor import require_member
from app.api.schemas import Out
from app.db import reading, transaction
from app.errors import NotFound
from app.http.actor import Acting
from app.reports import edit_template, kept_template
from app.reports.kept_template import Offered
from app.reports.shipped import body_of
from app.reports.template import Template

router = APIRouter(tags=["templates"])
EXAMPLE: dict[str, Any] = {
    "code": "abdomen", "version": 1, "title": {"en": "Abdomen", "fr": "Abdomen"}, "exam_types": ["abdomen"],
    "sections": [{"code": "liver", "title": {"en": "Liver", "fr": "Foie"}, "required": True, "items": [
        {"code": "liver-size", "label": {"en": "Size", "fr": "Taille"}, "options": [
            {"code": "normal", "label": {"en": "normal", "fr": "normale"}, "normal": True},
            {"code": "large", "label": {"en": "enlarged", "fr": "augmentée"}}]},
        {"code": "liver-length", "label": {"en": "Length", "fr": "Flèche"}, "kind": "number", "unit": "mm", "required": False},
    ]}],
}  # fmt: skip


class GivenTemplate(Template):
    """A field that is not known is refused, not left out."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, json_schema_extra={"example": EXAMPLE}
    )


class TemplateBrief(Out):
    code: str = Field(examples=["abdomen"])
    version: int = Field(description="An own one counts its own versions")
    is_own: bool = Field(description="Changed by the organization; else as it is shipped")
    title: dict[str, str] = Field(examples=[{"en": "Abdomen", "fr": "Abdomen"}])
    exam_types: list[str] = Field(examples=[["abdomen"]])

    @classmethod
    def of(cls, one: Offered) -> Self:
        own, template = one.own, one.template
        return cls(code=template.code, version=own.version if own else template.version, is_own=own is not None,
                   title=template.title, exam_types=template.exam_types)  # fmt: skip


class TemplateOut(TemplateBrief):
    template: dict[str, Any] = Field(examples=[EXAMPLE], description="As PUT takes it, without what is as usual")

    @classmethod
    def of(cls, one: Offered) -> Self:
        return cls(**TemplateBrief.of(one).model_dump(), template=body_of(one.template))


class TemplateList(Out):
    items: list[TemplateBrief]


@router.get("/organizations/{organization_id}/report-templates", summary="The templates of an organization's reports")
def list_templates(organization_id: UUID, who: Acting, exam_type: str | None = None) -> TemplateList:
    """For whoever belongs to it; with `exam_type` those that are for it."""
    require_member(who, organization_id)
    with reading(who) as session:
        found = kept_template.offered(session, organization_id)
    fit = [one for one in found if exam_type is None or exam_type in one.template.exam_types]
    return TemplateList(items=[TemplateBrief.of(one) for one in fit])


@router.get("/organizations/{organization_id}/report-templates/{code}", summary="One template")
def get_template(organization_id: UUID, code: str, who: Acting) -> TemplateOut:
    require_member(who, organization_id)
    with reading(who) as session:
        found = kept_template.current(session, organization_id, code)
    if found is None:
        raise NotFound
    return TemplateOut.of(found)


@router.put("/organizations/{organization_id}/report-templates/{code}", summary="Change a template")
def put_template(organization_id: UUID, code: str, given: GivenTemplate, who: Acting) -> TemplateOut:
    """By an administrator or a supervisor. Reports that are begun keep the version they have; the same again is none.

    What ships with conditions (`needs`, `otherwise`, `advice`) keeps them; an unknown field is refused."""
    template = Template.model_validate(given.model_dump(by_alias=True) | {"code": code})
    with transaction(who) as session:
        made = edit_template.change(session, who, organization_id, template)
    return TemplateOut.of(Offered(made.template, made))


@router.delete(
    "/organizations/{organization_id}/report-templates/{code}", status_code=204, summary="Give up the own version"
)
def give_up_template(organization_id: UUID, code: str, who: Acting) -> None:
    """What is shipped counts again; twice is once."""
    with transaction(who) as session:
        edit_template.give_up(session, who, organization_id, code)
