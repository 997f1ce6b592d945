"""Small files that nobody sent before, and how a door hands them over."""

import hashlib
import io
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from PIL import Image

from app.referrals.models import ManifestItem, Referral
from app.storage.spool import spooled_copy
from app.studies.ingest import Arrival
from app.studies.receive import may_send, receive
from tests.dicom import made
from tests.people import Somebody


def a_dicom(uid: str | None = None, patient: str = "Otieno^Jane", size: int = 32, study: str | None = None) -> bytes:
    """A small image that nobody sent before, unless its UID is given."""
    uid = uid or f"2.25.{uuid.uuid4().int}"
    own = {
        0x00080018: made.element(0x00080018, "UI", uid),
        0x00100010: made.element(0x00100010, "PN", patient),
        0x00100020: made.element(0x00100020, "LO", ""),
        0x0020000D: made.element(0x0020000D, "UI", study or f"{uid}.1"[:64]),
        0x0020000E: made.element(0x0020000E, "UI", f"{study or uid}.2"[:64]),
    }
    noise = hashlib.shake_128(uid.encode()).digest(size * size)
    own[0x7FE00010] = made.element(0x7FE00010, "OB", noise)
    data = made.picture(size, size, own[0x7FE00010], instead={tag: own[tag] for tag in own if tag != 0x7FE00010})
    return made.file(data, sop_instance=uid.encode())


def a_jpeg() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((64, 48), 60).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def a_pdf() -> bytes:
    """One empty page; its name makes it one that was not sent before."""
    body = f"%PDF-1.4\n% {uuid.uuid4()}\n".encode()
    places = []
    for number, text in enumerate(("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
                                   "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>"), 1):  # fmt: skip
        places.append(len(body))
        body += f"{number} 0 obj{text}endobj\n".encode()
    table = "".join(f"{at:010} 00000 n \n" for at in places)
    trailer = f"trailer<</Size 4/Root 1 0 R>>\nstartxref\n{len(body)}\n%%EOF\n"
    return body + f"xref\n0 4\n0000000000 65535 f \n{table}{trailer}".encode()


@contextmanager
def arrivals(*bodies: bytes) -> Iterator[list[Arrival]]:
    """In the spool, as after `drain`; gone after the block."""
    with ExitStack() as stack:
        spooled = [stack.enter_context(spooled_copy(iter([body]), 1 << 30)) for body in bodies]
        yield [Arrival(one, f"{number}.dcm") for number, one in enumerate(spooled)]


def send(who: Somebody, referral: Referral, body: bytes, name: str = "a.dcm") -> ManifestItem:
    """As every door does."""
    with spooled_copy(iter([body]), 1 << 30) as spooled:
        return receive(who.actor, may_send(who.actor, referral.id), Arrival(spooled, name))
