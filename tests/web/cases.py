"""Cases for the reader's pages, placed and sent by the JSON door as a clinic would."""

import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import httpx
from PIL import Image, ImageDraw
from pydicom import dcmread, examples
from pydicom.uid import RawDataStorage, generate_uid

from tests.people import Places, Somebody, set_password
from tests.servers.app import Running

PASSWORD = "seven otters cross the ford"
PATIENT = {"family_name": "Otieno", "given_name": "Jane", "birth_date": "1990-04-03", "sex": "female"}
PLAIN: dict[str, Any] = {
    "patient": PATIENT, "exam_type": "abdomen", "priority": "asap",
    "question": "Pain under the right ribs for two days, worse after meals. Gallstones?",
    "clinical_notes": "Temperature 38.4 °C, Murphy positive. No jaundice. Two children.",
    "callback": {"name": "Sr Achieng", "phone": "+254 700 000000"},
}  # fmt: skip


@dataclass(frozen=True)
class Placed:
    referral_id: str
    review_id: str
    code: str


def client_of(server: Running, who: Somebody) -> httpx.Client:
    return httpx.Client(base_url=f"{server.base_url}/api/v1", headers=who.headers, timeout=60)


def place(server: Running, places: Places, *files: tuple[str, bytes], **other: Any) -> Placed:
    """A referral that waits to be read, with these files in it."""
    with client_of(server, places.referrer) as client:
        placed = ok(client.post("/referrals", json=PLAIN | other), 201)
        submitted = ok(client.post(f"/referrals/{placed['id']}/submit"))
        for name, body in files:
            send(server, places, placed["id"], name, body)
    return Placed(placed["id"], submitted["review"]["id"], placed["code"])


def send(server: Running, places: Places, referral_id: str, name: str, body: bytes) -> Any:
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "Content-Type": "application/octet-stream",
    }
    with client_of(server, places.referrer) as client:
        return ok(client.post(f"/referrals/{referral_id}/files", content=body, headers=headers), 201)


def answer(server: Running, places: Places, review_id: str) -> Any:
    """Written and signed by the reviewer, who has claimed it."""
    set_password(places.reviewer, PASSWORD)
    with client_of(server, places.reviewer) as client:
        body = {"findings": "Two stones.", "impression": "Gallstones.", "recommendation": "Refer."}
        saved = client.put(f"/reviews/{review_id}/report", json=body)
        sign = {"password": PASSWORD, "images_sha256": ok(saved)["images_sha256"]}
        return ok(client.post(f"/reviews/{review_id}/sign", json=sign, headers={"If-Match": saved.headers["etag"]}))


def settled(server: Running, places: Places, placed: Placed) -> None:
    """Every clip of it has its film."""
    with client_of(server, places.referrer) as client:
        for instance_id in ok(client.get(f"/referrals/{placed.referral_id}"))["instance_ids"]:
            for _ in range(240):
                if ok(client.get(f"/instances/{instance_id}"))["preview"] != "pending":
                    break
                time.sleep(0.25)


def ok(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def dicom(example: str, name: str = "Otieno^Jane", birth_date: str = "19900403") -> bytes:
    """One of the pydicom wheel's own files, as a machine would have named the patient."""
    dataset = getattr(examples, example)
    dataset.PatientName, dataset.PatientBirthDate, dataset.PatientID = name, birth_date, ""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def numbered_clip(frames: int = 24, frame_time_ms: float = 40.0) -> bytes:
    """A clip whose every frame shows its own number as a row of eight white or black squares, the highest bit first."""
    dataset = examples.rgb_color
    dataset.Columns, dataset.Rows, dataset.NumberOfFrames, dataset.FrameTime = 256, 64, frames, frame_time_ms
    dataset.FrameIncrementPointer = 0x00181063
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.3.1"
    dataset.PixelData = b"".join(numbered(number).tobytes() for number in range(1, frames + 1))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.PatientName, dataset.PatientBirthDate, dataset.PatientID = "Otieno^Jane", "19900403", ""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def numbered(number: int) -> Image.Image:
    picture = Image.new("RGB", (256, 64))
    for bit in range(8):
        if number >> (7 - bit) & 1:
            ImageDraw.Draw(picture).rectangle((bit * 32, 0, bit * 32 + 31, 63), fill="white")
    return picture


def jpeg(shade: int = 60, orientation: int = 1) -> bytes:
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    Image.effect_noise((640, 480), shade).convert("RGB").save(
        out, "JPEG", **({"exif": exif} if orientation > 1 else {})
    )
    return out.getvalue()


def pdf(pages: int = 2) -> bytes:
    out = io.BytesIO()
    sheets = [Image.new("RGB", (600, 850), "white") for _ in range(pages)]
    for number, sheet in enumerate(sheets, 1):
        ImageDraw.Draw(sheet).text((60, 60), f"Letter, page {number}", fill="black")
    sheets[0].save(out, "PDF", save_all=True, append_images=sheets[1:])
    return out.getvalue()


def raw_data() -> bytes:
    """What a machine keeps for itself: nothing of it is a picture."""
    dataset = dcmread(io.BytesIO(without_picture()))
    del dataset.Rows, dataset.Columns
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = RawDataStorage
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def without_picture() -> bytes:
    """A DICOM image whose pixels are wanting."""
    dataset = examples.rgb_color
    del dataset.PixelData
    uid = generate_uid()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
    dataset.PatientName, dataset.PatientBirthDate, dataset.PatientID = "Otieno^Jane", "19900403", ""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def film(path: str, frames: int = 12, rate: int = 20) -> bytes:
    """An MP4 as a telephone makes it, its frames numbered as in `numbered_clip`."""
    with av.open(path, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 256, 64, "yuv420p"
        for number in range(1, frames + 1):
            shown = av.VideoFrame.from_image(numbered(number))  # type: ignore[no-untyped-call]  # PyAV says no types here
            container.mux(stream.encode(shown))
        container.mux(stream.encode(None))
    return Path(path).read_bytes()
