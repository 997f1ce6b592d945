"""/dicom-web: every DICOMweb transaction."""

from fastapi import APIRouter

from app.dicomweb import qido, stow
from app.dicomweb.addresses import ROOT

router = APIRouter(prefix=ROOT, tags=["dicomweb"])
for part in (qido, stow):
    router.include_router(part.router)
