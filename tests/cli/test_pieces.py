"""How much `sonopost send` gives to one request, by what the line carried before, and how long it tries."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.cli import main
from app.cli.line import NOT_SONOPOST, Line, Patience, Refused, Stranger, Tired
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


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def run(base_url: str, path: Path, known_url: str | None, pace: Pace | None = None) -> str:
    line = Line(base_url, "token", Patience(1))
    file = Chosen(path, path.name, path.stat().st_size, "0" * 64)
    try:
        return Sending(line, pace or Pace(), file, lambda _: None).run(None, known_url)
    finally:
        line.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "a.dcm"
    made.write_bytes(bytes(1000))
    return made


Said = tuple[int, dict[str, str], bytes]


class Scripted(BaseHTTPRequestHandler):
    """Says to each method what it is told to: status, headers and body."""

    protocol_version = "HTTP/1.1"
    said: dict[str, Said]

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, headers, body = self.said[self.command]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if self.command != "HEAD" else b"")

    do_GET = do_HEAD = do_POST = do_PATCH = answer  # noqa: N815 - as http.server calls them

    def log_message(self, *_: object) -> None:
        pass


def saying(**said: Said) -> AbstractContextManager[str]:
    return serving(type("Said", (Scripted,), {"said": said}))


UPLOAD = {"Location": "/uploads/1"}


@pytest.mark.parametrize(
    "offset", [{}, {"Upload-Offset": "five"}, {"Upload-Offset": "-5"}, {"Upload-Offset": "1" + "0" * 15}]
)
@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH"])
def test_an_offset_that_is_none_of_the_file_is_not_believed(path: Path, method: str, offset: dict[str, str]) -> None:
    said = {
        "POST": (201, {**UPLOAD, "Upload-Offset": "0"}, b""), "HEAD": (200, {"Upload-Offset": "0"}, b""),
        "PATCH": (204, {"Upload-Offset": "1000"}, b""),
    }  # fmt: skip
    said[method] = (said[method][0], offset | (UPLOAD if method == "POST" else {}), b"")
    with saying(**said) as base_url, pytest.raises(Stranger):
        run(base_url, path, None if method == "POST" else "/uploads/1")


@pytest.mark.parametrize("status", [200, 201])
def test_an_upload_without_an_address_is_none(path: Path, status: int) -> None:
    with saying(POST=(status, {"Upload-Offset": "0"}, b"")) as base_url, pytest.raises(Stranger):
        run(base_url, path, None)


def sent(base_url: str, path: Path, *options: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main(["send", str(path), "--to", base_url, "--token", "token", *options])
    return ended.value.code


@pytest.mark.parametrize(
    "body", [b"<html>Sign in</html>", b"[]", b"[1]", b"{}", b'{"items": [7], "next_cursor": null}']
)
@pytest.mark.parametrize("options", [(), ("--referral", "1")])
def test_a_sign_in_page_in_between_is_named(
    path: Path, capsys: pytest.CaptureFixture[str], body: bytes, options: tuple[str, ...]
) -> None:
    with saying(GET=(200, {}, body), POST=(200, {}, body)) as base_url:
        assert sent(base_url, path, *options) == 1
    assert capsys.readouterr().err == f"{NOT_SONOPOST}\n"


def test_a_file_is_stored_only_by_the_services_own_word(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = b'{"items": [], "next_cursor": null, "status": "receiving", "file_id": null, "reason": ""}'
    with saying(GET=(200, {}, page), POST=(201, {**UPLOAD, "Upload-Offset": "1000"}, b"")) as base_url:
        assert sent(base_url, path) == 1
    assert "0 of 1 files received" in capsys.readouterr().out


def test_a_service_that_answers_and_takes_nothing_is_given_up_on(path: Path) -> None:
    said: Said = (507, {}, b"")
    with saying(HEAD=(200, {"Upload-Offset": "0"}, b""), PATCH=said) as base_url, pytest.raises(Tired):
        run(base_url, path, "/uploads/1")


def test_a_yes_that_takes_nothing_is_waited_after_and_given_up_on(path: Path) -> None:
    said: Said = (204, {"Upload-Offset": "0"}, b"")
    with saying(HEAD=(200, {"Upload-Offset": "0"}, b""), PATCH=said) as base_url, pytest.raises(Tired):
        run(base_url, path, "/uploads/1")


class Narrow(Scripted):
    """A service behind a proxy that lets bodies of some size through."""

    most_bytes: int
    own: dict[str, str]
    offset: int
    seen: list[tuple[int, str | None]]

    def answer(self) -> None:
        here, size_bytes = type(self), int(self.headers["Content-Length"])
        here.seen.append((size_bytes, self.headers["Idempotency-Key"]))
        if size_bytes > here.most_bytes:
            here.said = {self.command: (413, here.own, b"<html>")}
        else:
            here.offset += size_bytes
            status = 201 if self.command == "POST" else 204
            here.said = {self.command: (status, {**UPLOAD, "Upload-Offset": str(here.offset)}, b"")}
        super().answer()

    do_POST = do_PATCH = answer  # noqa: N815 - as http.server calls them


def narrow(most_bytes: int, own: dict[str, str] | None = None) -> type[Narrow]:
    return type("Behind", (Narrow,), {"most_bytes": most_bytes, "own": own or {}, "offset": 0, "seen": []})


def test_behind_a_proxy_with_a_limit_pieces_are_halved_and_stay_small(path: Path) -> None:
    path.write_bytes(bytes(1 << 20))
    behind, pace = narrow(150_000), Pace(LARGEST)
    with serving(behind) as base_url:
        run(base_url, path, None, pace)
    tried, keys = [size for size, _ in behind.seen], [key for _, key in behind.seen if key]
    assert tried == [1 << 20, 1 << 19, 1 << 18] + [1 << 17] * 8
    assert len(set(keys)) == len(keys) == 4  # another body under the same key would be refused
    assert pace.piece_bytes == 1 << 17


def test_a_later_piece_is_halved_too(path: Path) -> None:
    path.write_bytes(bytes(1_600_000))
    behind, pace = narrow(300_000), Pace()
    with serving(behind) as base_url:
        run(base_url, path, None, pace)  # the second piece went fast, so the third is too large
    assert [size for size, _ in behind.seen][:2] == [FIRST, FIRST]
    assert max(size for size, _ in behind.seen[2:]) > 300_000 >= pace.piece_bytes
    assert behind.offset == 1_600_000


def test_a_proxy_that_takes_not_even_the_smallest_piece_is_named(path: Path) -> None:
    path.write_bytes(bytes(1 << 20))
    behind = narrow(1000)
    with serving(behind) as base_url, pytest.raises(Refused, match="proxy"):
        run(base_url, path, None)
    assert [size for size, _ in behind.seen] == [FIRST, FIRST // 2, SMALLEST]


def test_the_services_own_word_that_it_is_too_much_is_the_last(path: Path) -> None:
    path.write_bytes(bytes(1 << 20))
    behind = narrow(1000, {"Tus-Resumable": "1.0.0"})
    with serving(behind) as base_url, pytest.raises(Refused, match="413"):
        run(base_url, path, None)
    assert len(behind.seen) == 1


@pytest.mark.parametrize("status", [503, 507])
def test_whoever_gives_up_hears_what_the_service_said_last(
    path: Path, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    page: Said = (200, {}, b'{"items": [], "next_cursor": null}')
    full: Said = (status, {"Tus-Resumable": "1.0.0"}, b'{"detail": "There is no room for now."}')
    with saying(GET=page, POST=full) as base_url:
        assert sent(base_url, path, "--give-up-after", "0.01") == 1
    assert capsys.readouterr().err.startswith("There is no room for now. Run the same command again")


def test_what_was_said_before_bytes_moved_is_no_reason_any_more() -> None:
    patience = Patience(give_up_s=60)
    patience.said = "There is no room for now."
    patience.moved()
    patience.give_up_s = -1
    with pytest.raises(Tired) as tired:
        patience.wait()
    assert tired.value.sentence == ""
