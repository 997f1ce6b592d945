"""QIDO-RS (PS3.18 10.6): search for studies, series and instances among what the actor may see."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.access.actor import Actor
from app.db import reading
from app.dicomweb import accept, find
from app.dicomweb.answers import DICOM_JSON, FOUND, dicom_json, warning_header
from app.dicomweb.asked import Asked, asked
from app.dicomweb.keys import Level
from app.dicomweb.resolve import series_of, study_of
from app.dicomweb.results import results
from app.errors import NotFound
from app.http.actor import Acting

router = APIRouter(responses=FOUND | {204: {"description": "Nothing matches"}})
MORE = "The number of results exceeded the maximum supported by the server. Additional results can be requested."


@router.get("/studies", response_class=Response, summary="Search for studies (QIDO-RS)")
def studies(request: Request, who: Acting, organization: UUID | None = None) -> Response:
    return _search(request, who, Level.STUDY, organization)


@router.get("/series", response_class=Response, summary="Search for series (QIDO-RS)")
def series(request: Request, who: Acting, organization: UUID | None = None) -> Response:
    return _search(request, who, Level.SERIES, organization)


@router.get("/instances", response_class=Response, summary="Search for instances (QIDO-RS)")
def instances(request: Request, who: Acting, organization: UUID | None = None) -> Response:
    return _search(request, who, Level.INSTANCE, organization)


@router.get("/studies/{study_uid}/series", response_class=Response, summary="Search for a study's series (QIDO-RS)")
def study_series(study_uid: str, request: Request, who: Acting, organization: UUID | None = None) -> Response:
    return _search(request, who, Level.SERIES, organization, study_uid)


@router.get(
    "/studies/{study_uid}/instances", response_class=Response, summary="Search for a study's instances (QIDO-RS)"
)
def study_instances(study_uid: str, request: Request, who: Acting, organization: UUID | None = None) -> Response:
    return _search(request, who, Level.INSTANCE, organization, study_uid)


@router.get(
    "/studies/{study_uid}/series/{series_uid}/instances", response_class=Response,
    summary="Search for a series' instances (QIDO-RS)",
)  # fmt: skip
def series_instances(
    study_uid: str, series_uid: str, request: Request, who: Acting, organization: UUID | None = None
) -> Response:
    return _search(request, who, Level.INSTANCE, organization, study_uid, series_uid)


def _search(
    request: Request, who: Actor, level: Level, organization_id: UUID | None,
    study_uid: str | None = None, series_uid: str | None = None,
) -> Response:  # fmt: skip
    accept.require(request, DICOM_JSON, "application/json")
    wanted = asked(request.query_params.multi_items(), level)
    with reading(who) as session:
        try:
            study = study_of(session, who, study_uid, organization_id) if study_uid else None
            one_series = series_of(session, study, series_uid) if study and series_uid else None
        except NotFound:  # nothing matches (PS3.18 table 10.6.3-1)
            return Response(status_code=204)
        ids = find.page(
            session, who, wanted, level, organization_id=organization_id,
            study_id=study.id if study else None, series_id=one_series,
        )  # fmt: skip
        is_cut = len(ids) > wanted.limit
        found = results(session, who, wanted, level, ids[: wanted.limit], whole_tree=study_uid is None)
    warning = _warning(request, wanted, is_cut=is_cut)
    if not found:
        return Response(status_code=204, headers=warning_header(warning))
    return dicom_json(found, warning=warning)


def _warning(request: Request, wanted: Asked, *, is_cut: bool) -> str:
    """PS3.18 8.3.4.4 and 10.6.3: whoever asked for a page knows that there may be more."""
    said = []
    if is_cut and not _asked_for_less(request, wanted):
        said.append(MORE)
    if wanted.fuzzy and any(key.folded is not None for key, _ in wanted.matches):  # PS3.18 8.3.4.2
        said.append("Fuzzy matching was done by PatientName only.")
    if wanted.ignored:
        said.append(f"Matching was not done by: {', '.join(wanted.ignored[:10])}.")
    return " ".join(said)


def _asked_for_less(request: Request, wanted: Asked) -> bool:
    limit = request.query_params.get("limit", "")
    return limit != "" and int(limit) == wanted.limit
