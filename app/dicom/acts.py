"""What a decoding child can be asked, and what each act may use."""

from typing import NamedTuple


class Allowance(NamedTuple):
    """Limits of one act; memory is counted from what the child has before it."""

    cpu_s: float
    memory_bytes: int
    wall_factor: float = 4.0  # of the CPU time: two cores are shared with everything else
    is_long: bool = False  # never takes the last child: a still is not to wait behind a film
    cpu_per_frame_s: float = 0.0

    def cpu_limit_s(self, frames: int) -> float:
        return self.cpu_s + self.cpu_per_frame_s * frames


_GB = 1 << 30
_LONG = Allowance(cpu_s=20, memory_bytes=3 * _GB // 2, is_long=True, cpu_per_frame_s=0.05)

ALLOWANCES = {
    "frame": Allowance(cpu_s=5, memory_bytes=_GB),  # one frame of a DICOM file as JPEG, PNG or WebP
    "raw": Allowance(cpu_s=5, memory_bytes=_GB),  # one frame of a DICOM file without compression
    "smaller": Allowance(cpu_s=5, memory_bytes=_GB // 2),  # a WebP that was made here, in another form or size
    "marked": Allowance(cpu_s=5, memory_bytes=_GB // 2),  # a PNG that was made here, with what a reader drew on it
    "still": Allowance(cpu_s=5, memory_bytes=_GB),  # an uploaded JPEG or PNG
    "clip": _LONG,  # a DICOM clip as a film that browsers play
    "film": _LONG,  # an uploaded or encapsulated film as one
    "probe": Allowance(cpu_s=5, memory_bytes=_GB // 2),  # what a film is
    "still_frame": _LONG,  # an uploaded JPEG or PNG as one frame of a DICOM instance
    "film_stream": _LONG,  # an uploaded film as the stream of one
    "page_count": Allowance(cpu_s=5, memory_bytes=_GB // 2),
    "page": Allowance(cpu_s=10, memory_bytes=_GB),  # one page of a PDF as WebP or PNG
}
# Where each is; only children import these.
MODULES = {
    "frame": "app.dicom.render",
    "raw": "app.dicom.raw",
    "smaller": "app.dicom.render",
    "marked": "app.dicom.marked",
    "still": "app.dicom.still",
    "clip": "app.dicom.clip",
    "film": "app.dicom.film",
    "probe": "app.dicom.film",
    "still_frame": "app.dicom.still_frame",
    "film_stream": "app.dicom.film_stream",
    "page_count": "app.dicom.pages",
    "page": "app.dicom.pages",
}
