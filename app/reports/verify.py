"""Whether a report is what was signed, and whether it is the current one: never just 'valid'."""

import json
from dataclasses import dataclass

from app.reports.models import SIGNED, Report, ReportVersion, VersionStatus
from app.reports.source import canonical, sha256_of


@dataclass(frozen=True)
class Verdict:
    authentic: bool
    current: bool
    version: int
    replaced_by: int | None
    status: str
    sha256: str
    differs: list[str]


def verify(report: Report, version: ReportVersion) -> Verdict:
    """Recompute the digest of the signed text, and hold the columns against it."""
    differs = _differing(version)
    signed = [one.version for one in report.versions if one.status in SIGNED]
    newest = signed[-1] if signed else version.version
    withdrawn = report.status == VersionStatus.ENTERED_IN_ERROR
    return Verdict(
        authentic=not differs, current=version.version == newest and not withdrawn, version=version.version,
        replaced_by=newest if newest != version.version else None, status=report.status if withdrawn else version.status,
        sha256=version.sha256 or "", differs=differs,
    )  # fmt: skip


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
        "key_images": source.get("key_images", []) == version.key_images,
        "images": source["images"] == version.images and source["images_sha256"] == version.images_sha256,
        "version": signed["id"] == str(version.report_id) and signed["version"] == version.version,
        "signer": by["printed_name"] == signature.printed_name and by["person_id"] == str(signature.person_id),
        "meaning": by["meaning"] == signature.meaning,
        "signed_at": by["signed_at"] == signature.signed_at.isoformat(timespec="seconds"),
    }
    return [name for name, holds in checks.items() if not holds]
