"""Where a study, series or instance is retrieved (PS3.18 10.4.1), as clients reach this service."""

from app.config import settings

ROOT = "/dicom-web"


def study_url(study_uid: str) -> str:
    """By the public address: behind a proxy the request names another one."""
    return f"{settings().public_url}{ROOT}/studies/{study_uid}"


def series_url(study_uid: str, series_uid: str) -> str:
    return f"{study_url(study_uid)}/series/{series_uid}"


def instance_url(study_uid: str, series_uid: str, instance_uid: str) -> str:
    return f"{series_url(study_uid, series_uid)}/instances/{instance_uid}"
