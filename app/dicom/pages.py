"""Pages of a PDF as pictures; its scripts, forms and attachments are never run or opened."""

from typing import Any

import pypdfium2 as pdfium

from app.config import file_limits
from app.dicom.facts import Range
from app.dicom.film import Section
from app.dicom.refusals import beyond, damaged, refused
from app.dicom.render import Form, encode
from app.errors import Sentence

_POINTS_SIDE = 14_400  # ISO 32000-1 C.2: the largest page
SIDE = 1600  # an A4 page of small print is readable


def page_count(*, path: str, document: Range | None = None) -> dict[str, Any]:
    """How many pages; `document` is an encapsulated one's place in its DICOM file."""
    with _opened(path, document) as pdf:
        return {"pages": len(pdf)}


def page(
    *, path: str, number: int, document: Range | None = None, form: Form = "webp", quality: int | None = None,
    fit: tuple[int, int] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Page `number`, from 0, on white, as large as a screen wants it; within `fit`, width and height, if that is less."""
    with _opened(path, document) as pdf:
        if not 0 <= number < len(pdf):
            raise refused("page", "The document has no such page.")
        sheet = pdf[number]
        width, height = sheet.get_size()
        if not (0 < width <= _POINTS_SIDE and 0 < height <= _POINTS_SIDE):
            raise damaged("a page of it has an impossible size")
        scale = SIDE / max(width, height)
        if fit is not None:
            scale = min(scale, fit[0] / width, fit[1] / height)
        bitmap = sheet.render(scale=scale, rev_byteorder=True, may_draw_forms=False)
        side = max(1, int(scale * max(width, height)))  # a started pixel is one more
        return encode(bitmap.to_numpy()[:, :, :3].copy(), form, side, quality)


def _opened(path: str, document: Range | None) -> pdfium.PdfDocument:
    with Section(path, [document] if document else None) as section:
        data = section.read()
    try:
        pdf = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as failure:
        if "password" in str(failure).lower():
            raise refused("locked", "This document is locked with a password.") from None
        raise damaged("the document cannot be opened") from None
    if not 0 < len(pdf) <= file_limits().max_pdf_pages:
        raise beyond(Sentence("the document has {n} pages", n=f"{len(pdf):,}"), file_limits().max_pdf_pages)
    return pdf
