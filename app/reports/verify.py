"""Whether a report is what was signed, and whether it is the current one: never just 'valid'."""

import hmac
import json
from dataclasses import dataclass, replace
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.passkeys import expected
from app.audit.events import AuditEvent
from app.reports.models import SIGNED, Report, ReportVersion, Signature, VersionStatus
from app.reports.seal import sealed, shown_sha256
from app.reports.source import canonical, sha256_of
from app.studies.models import Document, Instance


@dataclass(frozen=True)
class Verdict:
    authentic: bool
    current: bool
    version: int
    replaced_by: int | None
    status: str
    sha256: str
    differs: list[str]


def verified(session: Session, report: Report, version: ReportVersion) -> Verdict:
    """As `verify`, and held against the images as they are now, and the record of what was signed."""
    verdict = verify(report, version)
    differs = [*verdict.differs]
    if "images" not in differs and not _are_there(session, version):
        differs.append("images")
    signed = sa.select(AuditEvent.detail).where(AuditEvent.entity_id == report.id, AuditEvent.action == "report.signed")
    on_record = max((detail.get("version", 0) for detail in session.scalars(signed)), default=0)
    if on_record > max(one.version for one in report.versions):  # a later version was taken away
        differs.append("versions")
    is_last = verdict.current and "versions" not in differs
    return replace(verdict, differs=differs, authentic=not differs, current=is_last)


def verify(report: Report, version: ReportVersion) -> Verdict:
    """Recompute the digest of the signed text, and hold the columns against it.

    What nobody has signed replaces nothing, whatever its row says."""
    differs = _differing(version)
    signed = [one.version for one in report.versions if one.status in SIGNED and _is_sealed(one)]
    newest = max([*signed, version.version])
    withdrawn = report.status == VersionStatus.ENTERED_IN_ERROR
    is_newest = version.version == newest == max(newest, report.version)
    return Verdict(
        authentic=not differs, current=is_newest and not withdrawn, version=version.version,
        replaced_by=newest if newest != version.version else None, status=report.status if withdrawn else version.status,
        sha256=version.sha256 or "", differs=differs,
    )  # fmt: skip


def _is_sealed(version: ReportVersion) -> bool:
    return version.signature is not None and hmac.compare_digest(version.signature.seal, sealed(version.signature))


def _are_there(session: Session, version: ReportVersion) -> bool:
    """Each image that it rests on has the digest that was signed; a withdrawn one is still kept."""
    ids = [UUID(one["id"]) for one in version.images]
    now_there = {
        str(row.id): row.sha256
        for model in (Instance, Document)
        for row in session.execute(sa.select(model.id, model.sha256).where(model.id.in_(ids)))
    }
    return all(now_there.get(one["id"]) == one["sha256"] for one in version.images)


def _differing(version: ReportVersion) -> list[str]:
    signature, text = version.signature, version.canonical
    if signature is None or text is None:
        return ["signature"]
    source = json.loads(text)
    signed, by = source["report"], source["signature"]
    checks = {
        "text": sha256_of(text) == version.sha256 == signature.sha256 and canonical(source) == text,
        **{name: source[name] == getattr(version, name) for name in ("findings", "impression", "recommendation")},
        **{name: signed[name] == getattr(version, name) for name in ("status", "kind", "reason", "language")},
        "form": source.get("form") == version.form,
        **{name: source.get(name, []) == getattr(version, name) for name in ("key_images", "meant")},
        "images": source["images"] == version.images and source["images_sha256"] == version.images_sha256,
        "version": signed["id"] == str(version.report_id) and signed["version"] == version.version,
        "signer": by["printed_name"] == signature.printed_name and by["person_id"] == str(signature.person_id),
        "meaning": by["meaning"] == signature.meaning,
        "seal": _is_sealed(version),
        "signed_at": by["signed_at"] == signature.signed_at.isoformat(timespec="seconds"),
    }
    if signature.evidence:
        checks["passkey"] = _is_by_passkey(version, signature)
    return [name for name, holds in checks.items() if not holds]


def _is_by_passkey(version: ReportVersion, signature: Signature) -> bool:
    """Its device signed exactly this text over these images: that can be seen without our key, and for ever."""
    from app.access import device

    said = signature.evidence
    if {"names", "subject", "nonce"} - said.keys():
        return False
    subject = shown_sha256(version, said["names"])
    return said["subject"] == subject and device.signed_challenge(said) == expected(said["nonce"], subject)
