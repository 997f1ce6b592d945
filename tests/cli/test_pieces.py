"""How much `sonopost send` gives to one request, by what the line carried before, and how long it tries."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.cli.line import Line, Patience, Tired
from app.cli.pieces import FIRST, GOAL_S, LARGEST, LARGEST_CHECKED, SMALLEST, Chosen, Pace, Sending, checksum


def test_a_line_gets_what_it_carries_in_a_few_seconds() -> None:
    pace = Pace()
    pace.took(FIRST, 7.4)  # 384 kbit/s, 700 ms
    assert SMALLEST < pace.piece_bytes < FIRST
    slow = pace.piece_bytes
    pace.took(slow, slow / 2e6)
    assert pace.piece_bytes == int(2e6 * GOAL_S) > LARGEST_CHECKED
    pace.took(pace.piece_bytes, 0)
    assert pace.piece_bytes == LARGEST


def test_what_is_left_of_a_file_tells_nothing_of_the_line() -> None:
    pace = Pace()
    pace.took(100, 0.7)
    assert pace.piece_bytes == FIRST


def test_after_a_cut_a_piece_is_small_and_checked() -> None:
    pace = Pace(LARGEST)
    assert not checksum(bytes(LARGEST_CHECKED + 1))
    pace.broke()
    assert pace.piece_bytes == LARGEST_CHECKED // 2
    assert checksum(bytes(LARGEST_CHECKED))
    for _ in range(20):
        pace.broke()
    assert pace.piece_bytes == SMALLEST


class Full(BaseHTTPRequestHandler):
    """A service that answers well, and takes no byte."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Upload-Offset", "0")
        self.end_headers()

    def do_PATCH(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(507)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def full() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Full) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_service_that_answers_and_takes_nothing_is_given_up_on(full: str, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(bytes(1000))
    line = Line(full, "token", Patience(1))
    with pytest.raises(Tired):
        Sending(line, Pace(), Chosen(path, "a.dcm", 1000, "0" * 64), lambda _: None).run(None, "/uploads/1")
    line.close()
