"""A small forwarding proxy that ends TLS, and a certificate for 127.0.0.1, both thrown away after the test."""

import http.client
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

PROXY = "127.0.0.2"  # the address from which it speaks to the service
OWN_TO_A_HOP = {"connection", "keep-alive", "transfer-encoding", "date", "server"}  # RFC 9110 7.6.1


def certificate(folder: Path) -> tuple[Path, Path]:
    """(certificate, key) that name this machine; the certificate is its own authority."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here: apt-get install openssl")
    made = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=IP:127.0.0.1,DNS:localhost", "-out", made[0], "-keyout", made[1]],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return made


@contextmanager
def forwarding(to_port: int, tls: tuple[Path, Path]) -> Iterator[str]:
    """The address of a proxy that passes everything on, as nginx does with `proxy_add_x_forwarded_for`."""

    class Forward(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            behind = http.client.HTTPConnection("127.0.0.1", to_port, timeout=60, source_address=(PROXY, 0))
            behind.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            passed = [each for each in self.headers.items() if each[0].lower() not in OWN_TO_A_HOP | OURS]
            before = self.headers.get_all("X-Forwarded-For") or []
            for name, value in (*passed, ("X-Forwarded-For", ", ".join([*before, self.client_address[0]])),
                                ("X-Forwarded-Proto", "https")):  # fmt: skip
                behind.putheader(name, value)
            behind.endheaders(body)
            answer = behind.getresponse()
            text = answer.read()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in OWN_TO_A_HOP | {"content-length"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
            behind.close()

        do_POST = do_GET  # noqa: N815 - the name by which http.server looks for it

        def log_message(self, *_: object) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Forward)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*tls)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


OURS = {"x-forwarded-for", "x-forwarded-proto"}
