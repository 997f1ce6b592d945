"""The only reader of the environment: every setting, its default and its check."""

from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, SettingsConfigDict

SECRETS_DIR = Path("/run/secrets")  # container engines mount secrets here: a file sonopost_smtp_url, say
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
PREFIX = "SONOPOST_"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
SENTENCES = {  # in place of the library's own
    "bool_parsing": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be {ge:g} or more",
}


class WrongSetting(Exception):
    """A setting cannot work; the text is one sentence that names it."""


class FileLimits(BaseSettings):
    """What one file may ask for; one beyond a limit is refused before anything decodes it.

    Apart from the rest, because the decoders know these settings and no others. The structural figures come from a
    run over 979 real files, none of which was sound and above one of them, and over crafted files that hung, crashed
    or exhausted the usual libraries."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    max_check_cpu_s: float = Field(2, gt=0)  # of the admission check; an ordinary file takes a millisecond
    max_dicom_depth: int = Field(24, gt=0)  # nested sequences; pydicom runs out of stack at 240, dcmdump crashes deeper
    max_dicom_elements: int = Field(
        50_000, gt=0
    )  # 200,000 take pydicom 16 s to turn into JSON; ultrasound has about 300
    max_dicom_items: int = Field(50_000, gt=0)  # a million empty ones in 8 MB take other parsers more than 20 s
    max_dicom_fragments: int = Field(100_000, gt=0)  # five a frame at the most frames
    max_dicom_meta_elements: int = Field(100, gt=0)  # PS3.10 7.1 defines about twenty
    max_dicom_value_bytes: int = Field(16 << 20, gt=0)  # outside pixel data and encapsulated documents
    max_dicom_private_value_bytes: int = Field(1 << 30, gt=0)  # carts add a clip's raw data as one private value
    max_dicom_values: int = Field(20_000, gt=0)  # of one element: a frame time vector has one a frame
    max_dicom_number_chars: int = Field(64, gt=0)  # IS has 12, DS 16 (PS3.5 6.2); some machines write doubles in full
    max_dicom_header_bytes: int = Field(4 << 20, gt=0)  # of short values; ultrasound has some kB, a large report 100 kB
    max_frame_pixels: int = Field(
        40_000_000, gt=0
    )  # the largest ultrasound has 3 Mpx, telephones' photographs 12 to 50
    max_frames: int = Field(20_000, gt=0)  # 924 is the longest clip met; 20,000 is eleven minutes at 30 a second
    max_decoded_bytes: int = Field(6 << 30, gt=0)  # all frames of one file together
    max_lut_entries: int = Field(65_536, gt=0)  # of one colour of a palette
    max_overlay_pixels: int = Field(40_000_000, gt=0)
    max_film_pixels: int = Field(4096 * 2160, gt=0)  # a frame
    max_film_frames: int = Field(20_000, gt=0)
    max_film_s: int = Field(1_800, gt=0)
    max_pdf_pages: int = Field(500, gt=0)


class Settings(FileLimits):
    """`SONOPOST_*` in the environment or in `.env`; units are in the names."""

    model_config = SettingsConfigDict(env_file=".env", secrets_dir=SECRETS_DIR if SECRETS_DIR.is_dir() else None)

    data_dir: Path = Path("var")
    database_url: str = ""  # default: SQLite in data_dir
    poll_behind_s: float = Field(3, ge=0)  # PostgreSQL: what was written just now is told to a cursor that much later
    storage_url: str = ""  # default: a folder in data_dir; or s3://bucket/prefix
    s3_endpoint_url: str | None = None
    s3_region: str = "us-east-1"
    public_url: str = ""  # where people reach the service; default: http://host:port of `serve`
    smtp_url: str = ""  # smtp://[user:password@]host:port, smtps:// or smtp+starttls://
    mail_from: str = "sonopost@localhost"
    secret_key_file: Path | None = None  # default: data_dir/secret.key
    trusted_proxies: str = ""  # comma-separated addresses that may set X-Forwarded-*
    log_level: str = "INFO"
    pseudo_locale: bool = False  # the browser's Arabic shows the pages from right to left, in words only for trying
    require_second_factor: bool = True

    # Limits on everything that comes from outside (design §4.13)
    max_file_bytes: int = Field(8 << 30, gt=0)
    max_head_bytes: int = Field(64 << 10, gt=0)  # of a request: its address and its headers
    max_body_bytes: int = Field(1 << 20, gt=0)  # every body that is not a file
    max_files_per_referral: int = Field(5_000, gt=0)
    max_enclosure_bytes: int = Field(25 << 20, gt=0)  # a reader's own file beside a message: a drawing, a guideline
    max_enclosures: int = Field(10, gt=0)  # of one message
    max_report_templates: int = Field(100, gt=0)  # of an organization's own
    max_macros: int = Field(500, gt=0)  # short texts of one person, or of one organization
    max_measurements: int = Field(500, gt=0)  # of one organization on one image, those removed too
    max_archive_entries: int = Field(20_000, gt=0)
    max_archive_bytes: int = Field(10 << 30, gt=0)  # unpacked
    max_archive_ratio: int = Field(100, gt=0)
    max_stow_parts: int = Field(2_000, gt=0)  # of one DICOMweb request
    max_stow_bytes: int = Field(10 << 30, gt=0)
    max_open_uploads: int = Field(5_000, gt=0)  # resumable ones of one person: a referral of that many files at once
    max_waiting_bytes: int = Field(1 << 40, gt=0)  # that one organization's unfinished uploads may come to
    max_upload_metadata_bytes: int = Field(4 << 10, gt=0)
    max_preview_bytes: int = Field(1 << 20, gt=0)  # of what is looked at until its original is here
    upload_kept_h: float = Field(14 * 24, gt=0)  # after its last byte: power fails for days
    upload_commit_bytes: int = Field(8 << 20, gt=0)  # how much (with S3 a part instead), and
    upload_commit_s: float = Field(5, gt=0)  # how long, a request goes on before what came of it is safe from a kill
    upload_lease_s: float = Field(2.5, gt=0)  # a server that is silent that long has lost its uploads to the others
    upload_let_go_s: float = Field(5, gt=0)  # in which a stuck writer lets go of an upload that its client asks about
    max_metadata_bytes: int = Field(8 << 20, gt=0)  # DICOM JSON of one DICOMweb request
    min_free_disk_bytes: int = Field(256 << 20, ge=0)
    header_silence_s: float = Field(10, gt=0)
    body_silence_s: float = Field(60, gt=0)  # a lossy satellite link is silent that long
    linger_s: float = Field(30, gt=0)  # for the rest of a body that was answered before all of it came,
    linger_bytes: int = Field(4 << 20, gt=0)  # and up to how much: the largest first piece that a client sends again
    reader_silence_s: float = Field(60, gt=0)  # in which the client takes nothing of a waiting answer
    keep_alive_s: int = Field(60, gt=0)  # between two requests: a new connection costs a far clinic seconds
    max_frames_per_request: int = Field(1_000, gt=0)  # by DICOMweb; a viewer asks for one to some tens
    ready_wait_s: float = Field(3, gt=0)  # a part that hangs must not hang the probe
    mail_wait_s: float = Field(20, gt=0)
    s3_connect_s: float = Field(2, gt=0)
    s3_read_s: float = Field(10, gt=0)
    sqlite_lock_s: float = Field(30, gt=0)  # for the one writer
    postgresql_lock_s: float = Field(10, gt=0)  # for a row that another act holds
    session_idle_min: int = Field(60, gt=0)
    session_max_h: int = Field(12, gt=0)
    outbox_token_days: int = Field(30, gt=0)  # so long a device sends what waits on it without a new sign-in
    max_outbox_tokens: int = Field(20, gt=0)  # devices of one person; the oldest is asked to sign in again
    sign_in_tries: int = Field(10, gt=0)  # per person and address in 15 minutes
    claim_lapses_min: int = Field(240, gt=0)  # without a saved draft
    claim_warning_min: int = Field(30, gt=0)  # before it lapses
    remind_every_min: int = Field(15, gt=0)  # a clinic that was reminded is left in peace so long
    file_question_min: int = Field(60, gt=0)  # so long has a clinic that was reminded of a file
    turnaround_cases: int = Field(2_000, gt=0)  # the latest of a time that are counted
    attention_days: int = Field(30, gt=0)  # older mails and files are history
    settle_quiet_s: float = Field(2, ge=0)
    decode_children: int = Field(2, gt=0)
    decode_wait_s: float = Field(20, gt=0)  # for a child, while somebody waits for the picture
    film_wait_s: float = Field(600, gt=0)  # for a child: other films are being made, and this is a job
    job_workers: int = Field(4, gt=0)
    adopt_every_s: float = Field(20, gt=0)  # how soon a dead worker's jobs are taken over

    @model_validator(mode="before")
    @classmethod
    def _fill_defaults(cls, given: dict[str, Any]) -> dict[str, Any]:
        folder = Path(given.get("data_dir") or "var").absolute()
        given["data_dir"] = folder
        given["database_url"] = given.get("database_url") or f"sqlite:///{folder / 'sonopost.db'}"
        given["storage_url"] = given.get("storage_url") or f"file:{folder / 'blobs'}"
        given["secret_key_file"] = given.get("secret_key_file") or folder / "secret.key"
        return given

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        url = url.replace("postgres://", "postgresql://", 1)
        if url.startswith("postgresql://"):
            url = url.replace("postgresql://", "postgresql+psycopg://", 1)
        if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError("must be sqlite:///path or postgresql://user@host/name")
        return url

    @field_validator("storage_url")
    @classmethod
    def _known_store(cls, url: str) -> str:
        if url.startswith("s3://") and not urlsplit(url).netloc:
            raise ValueError("must name a bucket: s3://bucket/prefix")
        if not url.startswith(("file:", "s3://")):
            raise ValueError("must be file:/path or s3://bucket/prefix")
        return url

    @field_validator("public_url")
    @classmethod
    def _a_web_address(cls, url: str) -> str:
        if url and (urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname):
            raise ValueError("must be an http:// or https:// address")
        return url.rstrip("/")

    @field_validator("smtp_url")
    @classmethod
    def _a_mail_server(cls, url: str) -> str:
        if url and (urlsplit(url).scheme not in {"smtp", "smtps", "smtp+starttls"} or not urlsplit(url).hostname):
            raise ValueError("must be smtp://host, smtps://host or smtp+starttls://host")
        return url

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, given: str) -> str:
        try:
            for each in given.split(","):
                ip_network(each.strip() or "::1")
        except ValueError:
            raise ValueError("must be addresses or networks, with commas between: 10.0.0.7, 10.1.0.0/16") from None
        return given

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, given: str) -> str:
        if given.upper() not in LOG_LEVELS:
            raise ValueError(f"must be {', '.join(LOG_LEVELS[:-1])} or {LOG_LEVELS[-1]}")
        return given.upper()

    @property
    def on_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def on_s3(self) -> bool:
        return self.storage_url.startswith("s3://")

    @property
    def spool_dir(self) -> Path:
        """On the folder store's own file system, so that adopting a file is a link, not a copy."""
        if self.on_s3:
            return self.data_dir / "spool"
        return Path(self.storage_url.removeprefix("file:")).absolute() / ".spool"

    @property
    def uploads_dir(self) -> Path:
        """What has come of resumable uploads: beside the spool, as it outlives requests and restarts."""
        return self.data_dir / "uploads" if self.on_s3 else self.spool_dir.with_name(".uploads")

    @property
    def secure(self) -> bool:
        """People come by https, so cookies can be marked Secure."""
        return self.public_url.startswith("https://")


_current: Settings | None = None


def load(**overrides: object) -> Settings:
    """Read the settings once for this process; a wrong one is one sentence that names it."""
    global _current  # noqa: PLW0603 - the process has one configuration
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        _current = Settings(**given)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as wrong:
        raise WrongSetting(_sentence(wrong.errors()[0])) from None
    return _current


def _sentence(first: ErrorDetails) -> str:
    name = PREFIX + str(first["loc"][0] if first["loc"] else "SETTINGS").upper()
    said = SENTENCES.get(first["type"], "").format(**first.get("ctx", {}))
    return f"{name} {said or first['msg'].removeprefix('Value error, ')}."


def unknown() -> list[str]:
    """What is named like a setting and is none: a slip of the hand, without effect unless somebody says so."""
    given = {*EnvSettingsSource(Settings).env_vars, *DotEnvSettingsSource(Settings).env_vars}  # names are folded
    ours = {name.removeprefix(PREFIX.lower()) for name in given if name.startswith(PREFIX.lower())}
    return sorted(PREFIX + name.upper() for name in ours - set(Settings.model_fields))


def settings() -> Settings:
    """The process's settings, read at first use."""
    return _current or load()


_in_decoder: FileLimits | None = None


def load_in_decoder() -> None:
    """A decoding process knows what files may ask for, from the environment that the service gave it, and no more."""
    global _in_decoder  # noqa: PLW0603 - the process has one configuration
    _in_decoder = FileLimits()


def file_limits() -> FileLimits:
    return _in_decoder or settings()


def environment_of_decoder() -> dict[str, str]:
    limits = file_limits()
    return {PREFIX + name.upper(): str(getattr(limits, name)) for name in FileLimits.model_fields}
