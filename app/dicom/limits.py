"""What one file may ask for; a file beyond a limit is refused before anything decodes it."""

# The structural figures come from a run over 979 real files, none of which was sound and above one of them,
# and over crafted files that hung, crashed or exhausted the usual libraries.
DEPTH = 24  # nested sequences; pydicom runs out of stack at 240, dcmdump crashes deeper
ELEMENTS = 50_000  # 200,000 take pydicom 16 s to turn into JSON; a full ultrasound header has about 300
ITEMS = 50_000  # a million empty items in 8 MB take other parsers more than 20 s
FRAGMENTS = 100_000  # five a frame at the most frames
META_ELEMENTS = 100  # PS3.10 7.1 defines about twenty
VALUE_BYTES = 16 << 20  # one value outside pixel data and encapsulated documents
PRIVATE_VALUE_BYTES = 1 << 30  # carts add their raw data to a clip as one private binary value
VALUES = 20_000  # in one element: a frame time vector has one a frame
NUMBER_CHARS = 64  # IS has 12, DS has 16 (PS3.5 6.2); some machines write doubles in full
PADDING_BYTES = 64 << 10  # zeros after the last element, as old tape and disk writers leave
TEXT_CHARS = 1_024  # of one value that is shown; LO has 64, PN 3 x 64
WARNINGS = 20
REGIONS = 64  # ultrasound regions; a duplex picture has two or three

FRAME_PIXELS = 40_000_000  # the largest ultrasound picture met has 3 Mpx, telephones' photographs 12 to 50
FRAMES = 20_000  # 924 is the longest clip met; 20,000 is eleven minutes at 30 a second
DECODED_BYTES = 6 << 30  # all frames together
LUT_ENTRIES = 65_536  # PS3.3 C.7.6.3.1.5: 0 stands for 65,536
OVERLAY_PIXELS = 40_000_000
TILES = 65_535  # of a JPEG 2000 picture: the format's own most (ISO 15444-1 A.4.2)
COMPONENTS = 4
HEADER_BYTES = 16 << 20  # before a JPEG states its size: telephones put EXIF, ICC and depth maps first
MARKERS = 150  # of a JPEG before its size; scanners write under twenty
SCANS = 100  # of a progressive JPEG; encoders write about ten, and each one is a pass over the picture
FRAME_TIME_MS = 60_000  # one frame a minute is no clip

FILM_BOXES = 1_000  # top-level boxes of an MP4
FILM_PIXELS = 8_847_360  # 4096 x 2160
FILM_FRAMES = 20_000
FILM_SECONDS = 1_800
FILM_RATE = 240  # frames a second; slow motion on telephones
PDF_PAGES = 500
PDF_TAIL_BYTES = 4_096  # where %%EOF must be: some writers pad
ZIP_TAIL_BYTES = 65_557  # APPNOTE 4.3.16: 22 bytes and a comment of up to 65,535
