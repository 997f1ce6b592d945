"""Where a study, series or instance is retrieved (PS3.18 10.4.1), as clients reach this service."""

from uuid import UUID

from app.access.actor import Actor
from app.config import settings

ROOT = "/dicom-web"


def study_url(study_uid: str) -> str:
    """By the public address: behind a proxy the request names another one."""
    return f"{settings().public_url}{ROOT}/studies/{study_uid}"


def series_url(study_uid: str, series_uid: str) -> str:
    return f"{study_url(study_uid)}/series/{series_uid}"


def instance_url(study_uid: str, series_uid: str, instance_uid: str) -> str:
    return f"{series_url(study_uid, series_uid)}/instances/{instance_uid}"


def whose(who: Actor, organization_id: UUID) -> str:
    """What an address ends with: a UID alone is the caller's own, so of another's it says whose (PS3.18 10.1)."""
    return "" if organization_id in who.organization_ids else f"?organization={organization_id}"
