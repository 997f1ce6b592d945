"""The expected date of delivery that a report was signed with, in words, and whether it is another one now."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.referrals.models import Referral
from app.referrals.pregnancy import Pregnancy
from app.reports import words
from app.reports.words import Gettext


def standing(session: Session, referral_id: UUID) -> Pregnancy | None:
    """As it is now, whatever this session has read of it before."""
    query = sa.select(Pregnancy).join(Referral, Referral.pregnancy_id == Pregnancy.id).where(Referral.id == referral_id)
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def as_signed(known: Pregnancy | None) -> dict[str, Any]:
    """Only where there is one, so that what was signed before stays as it is."""
    if known is None:
        return {}
    return {"pregnancy": {"edd": known.edd.isoformat(), "basis": known.basis, "is_certain": known.is_certain}}


def changed_since(source: Mapping[str, Any], known: Pregnancy | None) -> Pregnancy | None:
    """The pregnancy, where its date is another one than was signed: what is said of weeks may hold no more."""
    signed = source.get("pregnancy")
    return known if signed and known is not None and known.edd.isoformat() != signed["edd"] else None


def line(edd: date | str, basis: str, language: str, _: Gettext, *, is_certain: bool) -> str:
    """'7 Dec 2026, by CRL'."""
    sentence = _("{day}, by {basis}") if is_certain else _("{day}, by {basis}, not certain")
    return sentence.format(day=words.day(edd, language), basis=bases(_).get(basis, basis))


def bases(_: Gettext) -> dict[str, str]:
    return {
        "art": _("assisted conception or a known day"), "lmp-confirmed": _("last period, confirmed by a scan"),
        "crl": _("CRL"), "biometry": _("biometry"), "lmp": _("last period"), "stated": _("as the clinic was told"),
    }  # fmt: skip


def signed_line(source: Mapping[str, Any], language: str, _: Gettext) -> str:
    """Empty where no pregnancy was known."""
    signed = source.get("pregnancy")
    return line(signed["edd"], signed["basis"], language, _, is_certain=signed["is_certain"]) if signed else ""
