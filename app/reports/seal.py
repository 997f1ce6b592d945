"""What binds a signature to one version, signer, moment and proof, so that none of them can be moved or made anew."""

import hashlib
from collections.abc import Sequence
from typing import Any

import rfc8785
from sqlalchemy.orm import Session

from app.access.secrets import keyed
from app.reports import filled
from app.reports.draft import GivenDraft
from app.reports.models import ReportVersion, Signature
from app.reports.source import canonical
from app.reviews.models import Review

NAMES = (*GivenDraft.model_fields, "kind", "reason", "images_sha256")


def shown_sha256(version: ReportVersion, names: Sequence[str] = NAMES, images_sha256: str = "") -> str:
    """Of all that was typed and the images it rests on: what a passkey signs, before anybody knows when.

    `names` are those that were signed, also when later versions of this service know more; `images_sha256` is of the
    images that were shown beside a draft, which signing compares with those that are there."""
    shown = {name: getattr(version, name) for name in names} | {
        "version_id": str(version.id),
        "version": version.version,
    }
    shown["images_sha256"] = images_sha256 or version.images_sha256
    return hashlib.sha256(canonical(shown).encode()).hexdigest()


def asked_for(session: Session, review: Review, draft: ReportVersion, images_sha256: str) -> str:
    """What a passkey is to sign of a draft beside these images: its text as it would be signed now."""
    return shown_sha256(filled.settled(session, review, draft), images_sha256=images_sha256)


def sealed(signature: Signature) -> str:
    """HMAC by the server's key: who can write to the database alone cannot make it."""
    bound: dict[str, Any] = {
        "version": str(signature.report_version_id), "person": str(signature.person_id), "sha256": signature.sha256,
        "signed_at": signature.signed_at.isoformat(timespec="seconds"), "printed_name": signature.printed_name,
        "meaning": signature.meaning, "proof": str(signature.proof_id) if signature.proof_id else "",
        "method": signature.method, "evidence": signature.evidence,
    }  # fmt: skip
    return keyed("signature", rfc8785.dumps(bound)).hex()
