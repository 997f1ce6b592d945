"""Pictures into a film that every browser plays: H.264, 4:2:0, the index at the front."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np

from app.config import file_limits
from app.dicom.colour import Picture
from app.dicom.refusals import beyond

_CLOCK = 90_000  # ticks a second, as in MPEG; a 33.333 ms frame time keeps its place over half an hour
KEY_FRAME_EVERY = 15  # half a second: stepping and dragging decode at most that many frames
MAX_SIDE = 1920
_BT709, _LIMITED = 1, 1


class Film:
    """One film being written; frames may come at uneven times."""

    def __init__(self, path: Path, columns: int, rows: int, *, max_side: int = MAX_SIDE) -> None:
        scale = min(1.0, max_side / max(columns, rows))
        # 4:2:0 halves colour: both sides even
        self.columns, self.rows = (max(2, round(side * scale / 2) * 2) for side in (columns, rows))
        self.count = 0
        self._shown_ticks = -1
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._stream = self._container.add_stream("libx264", rate=30)
        self._stream.width, self._stream.height, self._stream.pix_fmt = self.columns, self.rows, "yuv420p"
        self._stream.time_base = Fraction(1, _CLOCK)
        context = self._stream.codec_context
        context.time_base = Fraction(1, _CLOCK)
        context.thread_count = 2
        context.color_range, context.colorspace = _LIMITED, _BT709
        context.color_primaries, context.color_trc = _BT709, _BT709
        # No B-frames: each frame is shown at its own time from the first, in every player
        context.options = {"preset": "veryfast", "crf": "23", "g": str(KEY_FRAME_EVERY), "bf": "0"}

    def __enter__(self) -> "Film":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None and self.count:
            self._container.mux(self._stream.encode(None))
        self._container.close()

    def add(self, picture: Picture, time_ms: float) -> None:
        """Show the picture from `time_ms` on."""
        frame = av.VideoFrame.from_ndarray(_even(picture), "gray" if picture.ndim == 2 else "rgb24")
        self.add_frame(frame, time_ms)

    def add_frame(self, frame: av.VideoFrame, time_ms: float) -> None:
        if self.count >= file_limits().max_film_frames:
            raise beyond("it has too many frames", file_limits().max_film_frames)
        shown = frame.reformat(self.columns, self.rows, "yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
        shown.pict_type = 0  # a decoded frame's own type would force the encoder's choice
        self._shown_ticks = max(round(time_ms * _CLOCK / 1000), self._shown_ticks + 1)
        shown.pts, shown.time_base = self._shown_ticks, Fraction(1, _CLOCK)
        self._container.mux(self._stream.encode(shown))
        self.count += 1


def _even(picture: Picture) -> Picture:
    """Repeat the last row or column of an odd side: scaling by one pixel would blur every one."""
    rows, columns = picture.shape[:2]
    if rows % 2 or columns % 2:
        picture = np.pad(picture, [(0, rows % 2), (0, columns % 2), (0, 0)][: picture.ndim], mode="edge")
    return np.ascontiguousarray(picture)
