"""The S3 store: checksums verified by the store, short time limits, multipart for what is large."""

import base64
import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.config import Settings
from app.errors import Unavailable
from app.storage.spool import Spooled

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

CHUNK_BYTES = 1 << 20
MULTIPART_BYTES = 32 << 20
PART_BYTES = 8 << 20  # at the read time-out of 10 s, a link of 0.8 MB/s still gets a part through


class S3Store:
    """Objects under one prefix of one bucket."""

    def __init__(self, settings: Settings) -> None:
        where = urlsplit(settings.storage_url)
        self.bucket = where.netloc
        self.prefix = where.path.strip("/")
        self.client = _client(settings)

    def put(self, key: str, spooled: Spooled) -> None:
        # The object's own name is random, so nothing else can lie there; a repeated put writes the same bytes.
        with _away_is_unavailable():
            if spooled.size_bytes > MULTIPART_BYTES:
                self._put_parts(key, spooled)
            else:
                digest = base64.b64encode(bytes.fromhex(spooled.sha256)).decode()
                with spooled.path.open("rb") as body:
                    self.client.put_object(Bucket=self.bucket, Key=self._key(key), Body=body, ChecksumSHA256=digest)

    def _put_parts(self, key: str, spooled: Spooled) -> None:
        from boto3.s3.transfer import TransferConfig

        parts = TransferConfig(
            preferred_transfer_client="classic",  # 'auto' changes its time-outs wherever awscrt is installed
            multipart_threshold=MULTIPART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=4,
        )  # fmt: skip
        # Each part carries its own SHA-256, which the store verifies.
        self.client.upload_file(
            str(spooled.path), self.bucket, self._key(key), ExtraArgs={"ChecksumAlgorithm": "SHA256"}, Config=parts
        )

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        if end <= start:
            return iter(())
        with _away_is_unavailable():
            answer = self.client.get_object(Bucket=self.bucket, Key=self._key(key), Range=f"bytes={start}-{end - 1}")
        return _chunks(answer["Body"])

    def delete(self, key: str) -> None:
        with _away_is_unavailable():
            self.client.delete_object(Bucket=self.bucket, Key=self._key(key))

    def put_bytes(self, key: str, data: bytes) -> None:
        """A small object; the store verifies its digest."""
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        with _away_is_unavailable():
            self.client.put_object(Bucket=self.bucket, Key=self._key(key), Body=data, ChecksumSHA256=digest)

    def begin_parts(self, key: str) -> str:
        """A multipart upload, over as many requests as it takes; nothing lies under the key until it is joined."""
        with _away_is_unavailable():
            begun = self.client.create_multipart_upload(
                Bucket=self.bucket, Key=self._key(key), ChecksumAlgorithm="SHA256"
            )
        return begun["UploadId"]

    def put_part(self, key: str, multipart_id: str, number: int, data: bytes) -> str:
        """Its ETag; the store verifies its digest."""
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        with _away_is_unavailable():
            put = self.client.upload_part(
                Bucket=self.bucket, Key=self._key(key), UploadId=multipart_id, PartNumber=number, Body=data,
                ChecksumSHA256=digest,
            )  # fmt: skip
        return put["ETag"]

    def join_parts(self, key: str, multipart_id: str, parts: Sequence[tuple[str, str]]) -> None:
        """(ETag, SHA-256 in hex) of each, in order. Twice is once: a kill may have come between this and its record."""
        joined = [
            {"PartNumber": number, "ETag": tag, "ChecksumSHA256": base64.b64encode(bytes.fromhex(sha256)).decode()}
            for number, (tag, sha256) in enumerate(parts, 1)
        ]
        with _away_is_unavailable():
            try:
                self.client.complete_multipart_upload(
                    Bucket=self.bucket, Key=self._key(key), UploadId=multipart_id,
                    MultipartUpload={"Parts": joined},  # type: ignore[typeddict-item]  # plain dictionaries
                )  # fmt: skip
            except self.client.exceptions.ClientError as error:
                if error.response["Error"]["Code"] != "NoSuchUpload":
                    raise
                self.client.head_object(Bucket=self.bucket, Key=self._key(key))

    def drop_parts(self, key: str, multipart_id: str) -> None:
        with _away_is_unavailable():
            try:
                self.client.abort_multipart_upload(Bucket=self.bucket, Key=self._key(key), UploadId=multipart_id)
            except self.client.exceptions.ClientError as error:
                if error.response["Error"]["Code"] != "NoSuchUpload":
                    raise

    def drop_unfinished(self, before: datetime, spared: Collection[str] = ()) -> None:
        """Parts that a killed process left: no list of objects shows them, and they are paid for all the same.

        `spared` are the keys whose parts wait for more."""
        pages = self.client.get_paginator("list_multipart_uploads")
        with _away_is_unavailable():
            for page in pages.paginate(Bucket=self.bucket, Prefix=self._key("")):
                for found in page.get("Uploads", []):
                    key = found["Key"].removeprefix(self._key(""))
                    if found["Initiated"] < before and key not in spared:
                        self.client.abort_multipart_upload(
                            Bucket=self.bucket, Key=found["Key"], UploadId=found["UploadId"]
                        )

    def keys(self, below: str = "") -> Iterator[str]:
        """Every key that has bytes and begins so; all of them for the search for orphans."""
        pages = self.client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.bucket, Prefix=self._key(below)):
            for found in page.get("Contents", []):
                yield str(found["Key"]).removeprefix(self._key(""))

    def local_path(self, key: str) -> Path | None:
        return None

    def check(self) -> None:
        """Raise unless the bucket answers."""
        with _away_is_unavailable():
            self.client.head_bucket(Bucket=self.bucket)

    def _key(self, key: str) -> str:
        return f"{self.prefix}/{key}" if self.prefix else key


def _chunks(body: "StreamingBody") -> Iterator[bytes]:
    with _away_is_unavailable():
        yield from body.iter_chunks(CHUNK_BYTES)


def _client(settings: Settings) -> "S3Client":
    import boto3  # half a second of import that the folder store never needs
    from botocore.config import Config

    limits = Config(
        signature_version="s3v4", connect_timeout=settings.s3_connect_s, read_timeout=settings.s3_read_s,
        retries={"mode": "standard", "total_max_attempts": 3}, max_pool_connections=40,
        # 'when_supported' adds CRC32 trailers that some stores refuse; SHA-256 is asked for by name.
        request_checksum_calculation="when_required", response_checksum_validation="when_required",
        s3={"addressing_style": "path", "payload_signing_enabled": True},
    )  # fmt: skip
    return boto3.client(
        "s3", endpoint_url=settings.s3_endpoint_url, region_name=settings.s3_region, config=limits
    )  # keys by boto3's own chain


@contextmanager
def _away_is_unavailable() -> Iterator[None]:
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError, Boto3Error) as error:
        raise Unavailable("The store does not answer. Nothing was changed; try again.") from error
