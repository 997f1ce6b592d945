"""`sonopost serve` and `sonopost worker`: what runs until it is told to stop."""

import argparse
import gc
import logging
import os
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from app import __version__, log
from app.access import setup
from app.access.actor import OPERATOR
from app.cli import start
from app.config import LOOPBACK, Settings, WrongSetting, load
from app.db import transaction
from app.jobs import queue

if TYPE_CHECKING:
    import uvicorn

STOP_S = 20  # for requests under way; what is longer is cut, and comes again


def serve(given: argparse.Namespace) -> int:
    gc.disable()  # until all that stays is there: to look through it again and again is a sixth of the start
    settings = load()
    refuse_in_the_open(settings, given)
    with _bind(given.host, given.port) as listening:
        if not settings.public_url:
            settings = load(public_url=_own_address(given, listening))
        start.prepare(settings)
        _offer_set_up(settings)
        code = run(settings, listening, with_worker=not given.no_worker, tls=(given.tls_cert, given.tls_key))
    return _leave(code)


def run(
    settings: Settings, listening: socket.socket, *, with_worker: bool = True,
    tls: tuple[str | None, str | None] = (None, None), announcement: str = "",
) -> int:  # fmt: skip
    """Serve on a bound socket until a signal, after `start.prepare`; the exit code.

    `announcement` is what is printed once the port accepts, in place of the usual line."""
    from app import worker

    background = threading.Thread(target=_start_background, args=(settings, with_worker), name="background")
    port = listening.getsockname()[1]
    line = announcement or f"Sonopost is ready at {settings.public_url} (port {port})"
    server = _server(settings, tls, lambda: _announce(line, port, background))
    # uvicorn raises the signal again when it has stopped; by then there is something left to do.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _already_stopping)
    server.run(sockets=[listening])
    if server.started:
        background.join()
    code = worker.stop()
    log.get().info("stopped")
    return code if server.started else 1


def _announce(line: str, port: int, background: threading.Thread) -> None:
    log.get().info("ready", port=port, version=__version__)
    with suppress(BrokenPipeError):
        print(line, flush=True)
    background.start()


def _start_background(settings: Settings, with_worker: bool) -> None:
    """After the port accepts: nobody waits for a decoder or a job at that moment."""
    from app import worker
    from app.studies import decoding

    try:
        decoding.start()
        queue.client()
        if with_worker:
            worker.start(settings)
        elif settings.on_sqlite:
            log.get().warning("jobs wait: SQLite serves one process, and this one runs none", backend="sqlite")
    except Exception as error:  # noqa: BLE001 - without its background the service would lose nothing, and do nothing
        log.get().error("worker failed to start", error=type(error).__name__)
        worker.leave()
    _keep_for_good()


def _keep_for_good() -> None:
    """What was made until now lives as long as the process: to go through it again holds every request for 90 ms.

    Nor is it worth a look for every 700 objects, three a page of the worklist: a fifth of its time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()


def work(_given: argparse.Namespace) -> int:
    """`sonopost worker`: background jobs only."""
    from app import worker

    settings = load()
    start.prepare(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    worker.start(settings)
    log.get().info("worker ready", version=__version__)
    print("Sonopost's worker is ready", flush=True)
    stop.wait()
    code = worker.stop()
    log.get().info("stopped")
    return _leave(code)


def _offer_set_up(settings: Settings) -> None:
    """There is no default account: whoever starts the service makes the first one."""
    with transaction(OPERATOR) as session:
        path = setup.open_link(session)
    if path:
        print(f"Nobody is here yet. Open this link once to set it up: {settings.public_url}{path}", flush=True)


def _leave(code: int) -> int:
    """The interpreter would wait for every thread: a job that does not end in time is done again later."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def refuse_in_the_open(settings: Settings, given: argparse.Namespace) -> None:
    """Passwords and patients never cross a network in clear."""
    if bool(given.tls_cert) != bool(given.tls_key):
        raise WrongSetting("--tls-cert and --tls-key belong together.")
    if given.tls_cert:
        _check_certificate(given.tls_cert, given.tls_key)
    if given.host in LOOPBACK:
        return
    if not settings.public_url:
        raise WrongSetting("SONOPOST_PUBLIC_URL must be set to listen beyond loopback: people's links begin with it.")
    if not settings.secure:
        raise WrongSetting(
            "SONOPOST_PUBLIC_URL must begin with https:// to listen beyond loopback, "
            "with --tls-cert and --tls-key or a proxy that ends TLS."
        )


def _check_certificate(certificate: str, key: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or "they are no matching pair of PEM files"
        raise WrongSetting(f"--tls-cert and --tls-key cannot be used: {reason}.") from None


def _bind(host: str, port: int) -> socket.socket:
    """Take the port before anything else is done; until it listens, connections are refused."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise WrongSetting(f"--host {host} --port {port} cannot be listened on: {error.strerror}.") from None
    return bound


def _own_address(given: argparse.Namespace, listening: socket.socket) -> str:
    host = f"[{given.host}]" if ":" in given.host else given.host
    return f"{'https' if given.tls_cert else 'http'}://{host}:{listening.getsockname()[1]}"


def _server(settings: Settings, tls: tuple[str | None, str | None], on_ready: Callable[[], None]) -> "uvicorn.Server":
    import uvicorn

    from app.http.guard import GuardedProtocol
    from app.main import create_app

    class Announcing(uvicorn.Server):
        """Says that it is ready when connections are accepted, not before."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                on_ready()

    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    certificate, key = tls
    proxies = [each.strip() for each in settings.trusted_proxies.split(",") if each.strip()]
    return Announcing(uvicorn.Config(
        create_app(settings), http=GuardedProtocol, ws="none", log_config=None, access_log=False,
        proxy_headers=bool(proxies), forwarded_allow_ips=proxies, server_header=False,
        timeout_keep_alive=settings.keep_alive_s, timeout_graceful_shutdown=STOP_S,
        ssl_certfile=certificate, ssl_keyfile=Path(key) if key else None,
    ))  # fmt: skip


def _already_stopping(_number: int, _frame: FrameType | None) -> None:
    """The second, raised signal has nothing more to say."""
