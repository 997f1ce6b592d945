"""Templates as rows: what an organization changed in them, and each version that a report was ever written with."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Base, insert_or_nothing, now
from app.reports.shipped import body_of, sha256_of, shipped
from app.reports.template import Template


class ReportTemplate(Base):
    """Never changed: another version is another row, and a report keeps the one it was written with."""

    __tablename__ = "report_template"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    code: Mapped[str] = mapped_column(sa.String(40))
    version: Mapped[int]  # an own one counts for itself; a shipped one has its file's
    is_own: Mapped[bool]
    sha256: Mapped[str] = mapped_column(sa.String(64))  # of the body
    body: Mapped[dict[str, Any]]
    person_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("person.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    given_up_at: Mapped[datetime | None]  # of an own one: what is shipped counts again

    __table_args__ = (sa.UniqueConstraint("organization_id", "code", "is_own", "version", "sha256"),)

    @property
    def template(self) -> Template:
        return Template.model_validate(self.body)


@dataclass(frozen=True)
class Offered:
    """A template as an organization has it now."""

    template: Template
    own: ReportTemplate | None  # None: as it is shipped


def offered(session: Session, organization_id: UUID) -> list[Offered]:
    """All that an organization may write with, the shipped ones first, its own in their place."""
    own = own_ones(session, organization_id)
    codes = dict.fromkeys([*shipped(), *own])
    return [_one(code, own.get(code)) for code in codes]


def current(session: Session, organization_id: UUID, code: str) -> Offered | None:
    own = own_ones(session, organization_id, code).get(code)
    return _one(code, own) if own or code in shipped() else None


def fitting(session: Session, organization_id: UUID, exam_type: str) -> Offered | None:
    """The one for this exam type; an own one that names it goes before."""
    fit = [one for one in offered(session, organization_id) if exam_type in one.template.exam_types]
    return next((one for one in fit if one.own), fit[0] if fit else None)


def own_ones(session: Session, organization_id: UUID, code: str | None = None) -> dict[str, ReportTemplate]:
    """The newest own version of each code that was not given up."""
    mine = sa.select(ReportTemplate).where(
        ReportTemplate.organization_id == organization_id, ReportTemplate.is_own.is_(True),
        *([ReportTemplate.code == code] if code else []),
    )  # fmt: skip
    newest: dict[str, ReportTemplate] = {}
    for row in session.scalars(mine.order_by(ReportTemplate.code, ReportTemplate.version)):
        newest[row.code] = row
    return {code: row for code, row in newest.items() if row.given_up_at is None}


def pin(session: Session, organization_id: UUID, one: Offered) -> ReportTemplate:
    """The row that a report refers to for ever."""
    if one.own is not None:
        return one.own
    key = {"organization_id": organization_id, "code": one.template.code, "is_own": False,
           "version": one.template.version, "sha256": sha256_of(one.template)}  # fmt: skip
    found = session.scalars(sa.select(ReportTemplate).filter_by(**key)).one_or_none()
    if found is None:
        insert_or_nothing(session, ReportTemplate, {**key, "body": body_of(one.template), "created_at": now()})
        found = session.scalars(sa.select(ReportTemplate).filter_by(**key)).one()
    return found


def _one(code: str, own: ReportTemplate | None) -> Offered:
    return Offered(own.template if own else shipped()[code], own)
