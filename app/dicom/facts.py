"""What one look at a file tells: identity, times, patient, and where each frame's bytes lie."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from itertools import accumulate
from typing import Any, Literal

from app.dicom import syntaxes

Kind = Literal["dicom", "jpeg", "png", "mp4", "pdf", "zip"]
Range = tuple[int, int]  # offset and length in bytes, in the file


@dataclass(frozen=True)
class Frames:
    """Where the frames lie; native ones by rule, encapsulated ones by the lengths of their fragments.

    Fragments follow each other with an item header of 8 bytes between (PS3.5 A.4): lengths are enough."""

    count: int
    offset: int  # of the first frame's first byte
    stride: int = 0  # native: bytes a frame
    lengths: tuple[int, ...] = ()  # encapsulated: one a fragment
    fragments: tuple[int, ...] = ()  # encapsulated: how many a frame; empty = one each

    @cached_property
    def _offsets(self) -> list[int]:
        return list(accumulate((length + 8 for length in self.lengths), initial=self.offset))

    @cached_property
    def _firsts(self) -> list[int]:
        return list(accumulate(self.fragments, initial=0))

    def ranges(self, index: int) -> list[Range]:
        """The byte ranges of frame `index` (from 0), in order; IndexError beyond the last."""
        if not 0 <= index < self.count:
            raise IndexError(index)
        if self.stride:
            return [(self.offset + index * self.stride, self.stride)]
        first = self._firsts[index] if self.fragments else index
        last = self._firsts[index + 1] if self.fragments else index + 1
        return [(self._offsets[at], self.lengths[at]) for at in range(first, last)]

    def to_json(self) -> dict[str, Any]:
        return _without_empty(self)

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "Frames":
        lists = {name: tuple(given.get(name, ())) for name in ("lengths", "fragments")}
        return cls(count=given["count"], offset=given["offset"], stride=given.get("stride", 0), **lists)


@dataclass(frozen=True)
class Palette:
    """A colour table (PS3.3 C.7.9): its bytes stay in the file."""

    descriptors: tuple[tuple[int, int, int], ...]  # entries, first value mapped, bits; red, green, blue
    ranges: tuple[Range, ...]
    segmented: bool = False


@dataclass(frozen=True)
class Pixels:
    """All that is needed to turn one frame's bytes into a picture (PS3.3 C.7.6.3)."""

    transfer_syntax_uid: str
    rows: int
    columns: int
    samples_per_pixel: int = 1
    photometric_interpretation: str = "MONOCHROME2"
    planar_configuration: int = 0
    bits_allocated: int = 8
    bits_stored: int = 8
    signed: bool = False
    is_swapped: bool = False  # big endian words of two 8-bit samples (PS3.5 8.1.2 with OW)
    window_center: float | None = None
    window_width: float | None = None
    rescale_slope: float = 1.0
    rescale_intercept: float = 0.0
    palette: Palette | None = None

    @property
    def codec(self) -> str:
        return syntaxes.CODEC[self.transfer_syntax_uid]

    @property
    def big_endian(self) -> bool:
        return self.transfer_syntax_uid == syntaxes.EXPLICIT_BE

    @property
    def is_video(self) -> bool:
        """The frames are one stream, served and decoded as a film."""
        return self.codec == "video"

    def to_json(self) -> dict[str, Any]:
        return _without_empty(self) | ({"palette": asdict(self.palette)} if self.palette else {})

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "Pixels":
        table = given.get("palette")
        return cls(**{**given, "palette": Palette(_pairs(table["descriptors"]), _pairs(table["ranges"]),
                                                  table["segmented"]) if table else None})  # fmt: skip


@dataclass(frozen=True)
class PatientFacts:
    """Who the file says it shows: candidates for a match, never an identity by themselves."""

    identifier: str = ""
    issuer: str = ""
    name: str = ""  # PN as sent: component groups by '=', components by '^'
    birth_date: str = ""  # DA as sent
    sex: str = ""


@dataclass(frozen=True)
class Facts:
    """What `examine` found; everything but `kind` and `size_bytes` may be absent."""

    kind: Kind
    size_bytes: int
    sop_class_uid: str | None = None
    sop_instance_uid: str | None = None
    study_instance_uid: str | None = None
    series_instance_uid: str | None = None
    transfer_syntax_uid: str | None = None
    dataset_offset: int = 0  # where the file meta information ends
    modality: str = ""
    rows: int | None = None
    columns: int | None = None
    orientation: int | None = None  # of an upload (EXIF): rows and columns are as it is shown; older facts have none
    number_of_frames: int | None = None
    frame_time_ms: float | None = None
    frame_time_vector_ms: tuple[float, ...] = ()  # increments, the first one 0; empty when they are equal
    patient: PatientFacts = PatientFacts()
    accession_number: str = ""
    study_id: str = ""
    study_date: str = ""  # DA and TM as sent; the zone is `timezone_offset_from_utc`
    study_time: str = ""
    series_date: str = ""
    series_time: str = ""
    acquisition_date: str = ""
    acquisition_time: str = ""
    content_date: str = ""
    content_time: str = ""
    timezone_offset_from_utc: str = ""
    series_number: int | None = None
    instance_number: int | None = None
    study_description: str = ""
    series_description: str = ""
    image_type: str = ""
    manufacturer: str = ""
    manufacturer_model_name: str = ""
    device_serial_number: str = ""
    institution_name: str = ""
    burned_in_annotation: str = ""  # absent is not NO
    lossy_image_compression: str = ""
    regions: tuple[dict[str, float | int], ...] = ()
    pixels: Pixels | None = None  # None: nothing that Sonopost can show
    frames: Frames | None = None
    document: Range | None = None  # an encapsulated document's bytes (PS3.3 A.45)
    document_mime_type: str = ""
    warnings: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """A dictionary of JSON types; what is absent is left out."""
        parts = {"patient": _without_empty(self.patient), "pixels": self.pixels and self.pixels.to_json(),
                 "frames": self.frames and self.frames.to_json()}  # fmt: skip
        return _without_empty(self) | {name: part for name, part in parts.items() if part}

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "Facts":
        lists = {name: tuple(given.get(name, ())) for name in ("frame_time_vector_ms", "regions", "warnings")}
        document = given.get("document")
        parts: dict[str, Any] = {
            "patient": PatientFacts(**given.get("patient", {})),
            "pixels": Pixels.from_json(given["pixels"]) if "pixels" in given else None,
            "frames": Frames.from_json(given["frames"]) if "frames" in given else None,
            "document": (document[0], document[1]) if document else None,
        }
        return cls(**{**given, **lists, **parts})


_PARTS = {"patient", "pixels", "frames", "palette"}


def _without_empty(part: "Facts | Frames | Pixels | PatientFacts") -> dict[str, Any]:
    """Fields of a dataclass but for its parts and what is at its default."""
    kept = {}
    for at in fields(part):
        value = getattr(part, at.name)
        if at.name not in _PARTS and value != at.default:
            kept[at.name] = list(value) if isinstance(value, tuple) else value
    return kept


def _pairs(rows: Iterable[Iterable[int]]) -> Any:  # tuples of a fixed length, which mypy cannot count
    return tuple(tuple(row) for row in rows)
