"""An organization's own version of a template: another one of its own, or what is shipped changed, its guards kept."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor, person_of, require
from app.access.turn import take_turn
from app.audit import events
from app.config import settings
from app.db import new_id, now
from app.errors import Invalid, NotFound, Sentence, TooLarge
from app.reports.kept_template import ReportTemplate, own_ones
from app.reports.shipped import body_of, sha256_of, shipped
from app.reports.template import Template

RIGHT = "report.template"


def change(session: Session, actor: Actor, organization_id: UUID, template: Template) -> ReportTemplate:
    """From now on reports begin with this; those that are begun keep what they have. The same again changes nothing."""
    require(actor, RIGHT, organization_id)
    refuse_unguarded(template)
    take_turn(session, f"report-template:{organization_id}")
    own = own_ones(session, organization_id)
    if template.code not in own and len(own) >= settings().max_report_templates:
        raise TooLarge("There are too many templates.", limit=settings().max_report_templates)
    version = _last(session, organization_id, template.code) + 1
    before = own.get(template.code)
    if before is not None and sha256_of(template.model_copy(update={"version": before.version})) == before.sha256:
        return before
    kept = template.model_copy(update={"version": version})
    made = ReportTemplate(
        id=new_id(), organization_id=organization_id, code=kept.code, version=version, is_own=True, sha256=sha256_of(kept),
        body=body_of(kept), person_id=person_of(actor),
    )  # fmt: skip
    session.add(made)
    session.flush()
    events.record(session, actor, "report-template.changed", organization_id=organization_id, entity_id=made.id,
                  code=made.code, version=version)  # fmt: skip
    return made


def give_up(session: Session, actor: Actor, organization_id: UUID, code: str) -> None:
    """What is shipped counts again; one that is the organization's alone is offered no more. Twice is once."""
    require(actor, RIGHT, organization_id)
    take_turn(session, f"report-template:{organization_id}")
    found = own_ones(session, organization_id, code).get(code)
    if found is None:
        if code not in shipped() and not _last(session, organization_id, code):
            raise NotFound
        return
    found.given_up_at = now()
    events.record(session, actor, "report-template.given-up", organization_id=organization_id, entity_id=found.id,
                  code=code, version=found.version)  # fmt: skip


def refuse_unguarded(template: Template) -> None:
    """What may be said only on conditions keeps them, and what always has to be said is said, whoever words it."""
    for ours in shipped().values():
        if ours.code != template.code and not set(ours.exam_types) & set(template.exam_types):
            continue
        theirs = {line.item.code: line for line in template.lines()}
        for line in ours.lines():
            same = theirs.get(line.item.code)
            for option in line.options if same else ():
                kept = same.option(option.code) if same else None
                guards = (option.needs, option.never)
                if any(guards) and kept and ((kept.needs, kept.never) != guards or kept.otherwise is None):
                    raise Invalid(
                        Sentence("“{choice}” of {item} is said only on conditions. Keep its “needs” and “otherwise”.",
                                 choice=option.code, item=line.item.code), field="template",
                    )  # fmt: skip
        kept_advice = {one.code: one.when for one in template.advice}
        for advice in ours.advice:
            if kept_advice.get(advice.code) != advice.when:
                raise Invalid(Sentence("The advice “{advice}” has to stay, with its “when”.", advice=advice.code),
                              field="template")  # fmt: skip


def _last(session: Session, organization_id: UUID, code: str) -> int:
    newest = sa.select(sa.func.max(ReportTemplate.version)).where(
        ReportTemplate.organization_id == organization_id, ReportTemplate.code == code, ReportTemplate.is_own.is_(True)
    )  # fmt: skip
    return session.scalar(newest) or 0
