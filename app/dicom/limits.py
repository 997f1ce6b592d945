"""What the formats themselves bound, and what nobody would change; what a file may ask for is in the settings."""

PADDING_BYTES = 64 << 10  # zeros after the last element, as old tape and disk writers leave
TEXT_CHARS = 1_024  # of one value that is shown; LO has 64, PN 3 x 64
WARNINGS = 20
REGIONS = 64  # ultrasound regions; a duplex picture has two or three
FULL_LUT = 65_536  # what 0 entries stand for (PS3.3 C.7.6.3.1.5)
TILES = 65_535  # of a JPEG 2000 picture: the format's own most (ISO 15444-1 A.4.2)
COMPONENTS = 4
HEADER_BYTES = 16 << 20  # before a JPEG states its size: telephones put EXIF, ICC and depth maps first
MARKERS = 150  # of a JPEG before its size; scanners write under twenty
SCANS = 100  # of a progressive JPEG; encoders write about ten, and each one is a pass over the picture
FRAME_TIME_MS = 60_000  # one frame a minute is no clip
FILM_BOXES = 1_000  # top-level boxes of an MP4
PDF_TAIL_BYTES = 4_096  # where %%EOF must be: some writers pad
ZIP_TAIL_BYTES = 65_557  # APPNOTE 4.3.16: 22 bytes and a comment of up to 65,535
