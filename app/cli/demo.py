"""`sonopost demo`: make the instance, or serve again the one that lies there, on loopback only."""

import argparse
import json
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

from app.cli import serve, start
from app.cli.seed import seed
from app.config import Settings, WrongSetting, load

HOST = "127.0.0.1"
NOTEBOOK = "demo.json"  # its secrets, so that the same links and tokens work when it is served again


def demo(given: argparse.Namespace) -> int:
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(listening, given.port)
        folder = _folder(given.data_dir)
        try:
            return _served(folder, listening, given.json)
        finally:
            if given.data_dir is None:
                shutil.rmtree(folder, ignore_errors=True)


def _served(folder: Path, listening: socket.socket, as_json: bool) -> int:
    settings = _settings(folder, f"http://{HOST}:{listening.getsockname()[1]}", "INFO" if as_json else "WARNING")
    start.prepare(settings)
    if not (folder / NOTEBOOK).exists():
        _write_notebook(folder, seed())
    accounts = json.loads((folder / NOTEBOOK).read_text())["accounts"]
    return serve.run(settings, listening, announcement=_announcement(settings.public_url, accounts, as_json))


def _folder(wanted: str | None) -> Path:
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="sonopost-demo-"))
    folder = Path(wanted).absolute()
    if folder.is_dir() and any(folder.iterdir()) and not (folder / NOTEBOOK).is_file():
        raise WrongSetting(f"--data-dir {wanted} is not empty and holds no demo; name an empty folder.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _bind(listening: socket.socket, port: int) -> None:
    try:
        listening.bind((HOST, port))
    except OSError as error:
        raise WrongSetting(f"--port {port} cannot be listened on: {error.strerror}.") from None


def _settings(folder: Path, base_url: str, log_level: str) -> Settings:
    """Everything inside the folder, whatever the environment says: a demo never touches a real database.

    Where people read the links, no line a request pushes them out of sight."""
    return load(
        data_dir=folder, database_url=f"sqlite:///{folder / 'sonopost.db'}", storage_url=f"file:{folder / 'blobs'}",
        secret_key_file=folder / "secret.key", public_url=base_url, smtp_url="", require_second_factor=False,
        log_level=log_level,
    )  # fmt: skip


def _write_notebook(folder: Path, accounts: list[dict[str, Any]]) -> None:
    """Last of all: without it the folder is no demo, and is refused the next time."""
    descriptor = os.open(folder / NOTEBOOK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"accounts": accounts}, file, indent=1)


def _announcement(base_url: str, accounts: list[dict[str, Any]], as_json: bool) -> str:
    shown = [
        {**{name: one[name] for name in ("role", "organization", "email", "password")},
         "sign_in_url": base_url + one["sign_in_path"], "token": one["token"]}
        for one in accounts
    ]  # fmt: skip
    if as_json:
        return json.dumps({"base_url": base_url, "accounts": shown})
    return "\n".join((
        f"Sonopost's demo is ready at {base_url}. Open a link to be that person:", "",
        *(f"  {one['role']:<12} {one['organization']:<28} {one['sign_in_url']}" for one in shown), "",
        f"Their password, which signing a report asks for: {shown[0]['password']}",
        "Three referrals are in it: one waits, one is being read, one is answered. Ctrl-C ends it.",
    ))  # fmt: skip
