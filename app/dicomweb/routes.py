"""/dicom-web: every DICOMweb transaction."""

from fastapi import APIRouter

from app.dicomweb import bulk, frames, qido, rendered, retrieve, stow
from app.dicomweb.addresses import ROOT

router = APIRouter(prefix=ROOT, tags=["dicomweb"])
for part in (qido, stow, retrieve, frames, rendered, bulk):
    router.include_router(part.router)
