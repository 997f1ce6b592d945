"""Uploaded pictures lie as they were taken, show what they hold, and carry nothing else."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from app.dicom.admission import examine
from app.dicom.still import still


def uploaded(folder: Path, image: Image.Image, form: str, **given: object) -> str:
    path = folder / "upload"
    image.save(path, form, **given)
    return str(path)


def opened(body: bytes) -> Image.Image:
    return Image.open(io.BytesIO(body))


HALVES = Image.fromarray(np.vstack([np.full((40, 60, 3), 230), np.full((40, 60, 3), 20)]).astype(np.uint8))


def telephone_exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Telephone of Jane Doe"
    exif.get_ifd(0x8825)[2] = (0.0, 6.0, 1.0)  # GPS latitude
    return exif


def test_a_jpeg_that_lies_right_keeps_its_pixels_and_loses_its_metadata(tmp_path: Path) -> None:
    path = uploaded(tmp_path, HALVES, "JPEG", exif=telephone_exif(1), comment=b"Jane Doe", quality=88)
    with Path(path).open("ab") as more:
        more.write(b"a film of Jane Doe behind the picture")
    answer = still(path=path)
    assert answer["is_original"]
    assert b"Jane" not in answer["body"]
    assert not opened(answer["body"]).getexif()
    assert np.array_equal(np.asarray(opened(answer["body"])), np.asarray(Image.open(path)))


@pytest.mark.parametrize(("orientation", "size", "corner"), [(3, (60, 80), 20), (6, (80, 60), 20), (8, (80, 60), 230)])
def test_a_picture_is_turned_as_it_was_taken(
    tmp_path: Path, orientation: int, size: tuple[int, int], corner: int
) -> None:
    path = uploaded(tmp_path, HALVES, "JPEG", exif=telephone_exif(orientation), quality=95)
    for form in ("jpeg", "png", "webp"):
        image = opened(still(path=path, form=form)["body"]).convert("RGB")
        assert image.size == size
        assert abs(image.getpixel((2, 2))[0] - corner) < 12  # type: ignore[index]  # RGB has three
        assert not image.getexif()


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>'


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("said", ["little", "big", "xmp", "both", "png"])
def test_the_size_that_is_noted_is_that_of_the_picture_as_it_is_shown(
    tmp_path: Path, orientation: int, said: str
) -> None:
    exif = Image.Exif()
    exif.endian = ">" if said == "big" else "<"
    exif[0x010F] = "a maker"
    if said != "xmp":
        exif[0x0112] = orientation
    xmp = {"xmp": {"xmp": XMP % orientation}, "both": {"xmp": XMP % 6}}.get(said, {})
    path = uploaded(tmp_path, HALVES, "PNG" if said == "png" else "JPEG", exif=exif, **xmp)
    facts = examine(Path(path))
    assert (facts.columns, facts.rows) == opened(still(path=path, form="png")["body"]).size
    assert facts.orientation == (orientation if 1 <= orientation <= 8 else 1)


def test_a_turn_that_only_a_text_of_a_png_may_say_is_not_taken_for_none(tmp_path: Path) -> None:
    words = PngImagePlugin.PngInfo()
    words.add_itxt("XML:com.adobe.xmp", (XMP % 6).decode())
    assert examine(Path(uploaded(tmp_path, HALVES, "PNG", pnginfo=words))).orientation is None


def test_a_picture_without_a_word_on_it_lies_as_it_is(tmp_path: Path) -> None:
    facts = examine(Path(uploaded(tmp_path, HALVES, "JPEG")))
    assert (facts.columns, facts.rows, facts.orientation) == (60, 80, 1)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA", "1", "I;16"])
def test_every_kind_of_png_is_shown_on_black(tmp_path: Path, mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.full((20, 30), 40_000, np.uint16))
    else:
        image = Image.new("RGBA", (30, 20), (200, 200, 200, 255)).convert(mode)
        if mode in ("LA", "RGBA"):
            image.putpixel((0, 0), (255,) * (len(mode) - 1) + (0,))
    shown = opened(still(path=uploaded(tmp_path, image, "PNG"), form="png")["body"]).convert("RGB")
    expected = {"I;16": 156, "1": 255}.get(mode, 200)
    assert abs(shown.getpixel((10, 10))[0] - expected) <= 8  # type: ignore[index]  # RGB has three
    if mode in ("LA", "RGBA"):
        assert shown.getpixel((0, 0)) == (0, 0, 0)


def test_a_preview_of_a_large_photograph_is_small(tmp_path: Path) -> None:
    path = uploaded(tmp_path, Image.effect_noise((4000, 3000), 60).convert("RGB"), "JPEG")
    answer = still(path=path, form="webp", max_side=320)
    assert (answer["columns"], answer["rows"]) == (320, 240)


def test_bytes_do_as_well_as_a_file() -> None:
    out = io.BytesIO()
    HALVES.save(out, "PNG")
    assert still(data=out.getvalue(), form="webp", max_side=40)["rows"] == 40
