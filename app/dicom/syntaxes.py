"""Transfer syntaxes (PS3.5 A, PS3.6 A-1) and what it takes to decode each."""

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
EXPLICIT_BE = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"

_BY_CODEC = {
    "native": ("", ".1", ".2", ".1.98"),
    "rle": (".5",),
    "jpeg": (".4.50", ".4.51", ".4.57", ".4.70"),
    "jpeg-ls": (".4.80", ".4.81"),
    "jpeg-2000": (".4.90", ".4.91"),
    "htj2k": (".4.201", ".4.202", ".4.203"),
    "jpeg-xl": (".4.110", ".4.111", ".4.112"),
    # MPEG-2, H.264 and HEVC, each also as 'fragmentable' (the name ends in .1)
    "video": tuple(f".4.{number}{tail}" for number in range(100, 109) for tail in ("", ".1")),
}
CODEC = {IMPLICIT_LE + tail: codec for codec, tails in _BY_CODEC.items() for tail in tails}

_BY_MEDIA_TYPE = {
    "application/octet-stream": ("native",), "image/dicom-rle": ("rle",), "image/jpeg": ("jpeg",), "image/jls": ("jpeg-ls",),
    "image/jp2": ("jpeg-2000",), "image/jphc": ("htj2k",), "image/jxl": ("jpeg-xl",),
}  # fmt: skip
_OF_CODEC = {codec: kind for kind, codecs in _BY_MEDIA_TYPE.items() for codec in codecs}


def media_type(syntax: str) -> str:
    """Of one frame as it is stored (PS3.18 tables 8.7.3-2 and 8.7.3-5)."""
    codec = CODEC.get(syntax, "")
    if codec == "video":
        return "video/mpeg2" if syntax.split(".")[7] in ("100", "101") else "video/mp4"
    return _OF_CODEC.get(codec, "application/octet-stream")
