"""Secrets that are shown once and kept only as a digest, and the server's own key."""

import hashlib
import hmac
import secrets
from functools import cache
from pathlib import Path

from app.config import settings


def new_secret(prefix: str = "") -> str:
    """256 random bits, safe in a URL and a header."""
    return prefix + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is kept of a secret; with 256 random bits in it, a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def keyed(purpose: str, text: bytes) -> bytes:
    """What nobody can make or guess without the server's key, not even with a copy of the database (HMAC-SHA-256)."""
    path = settings().secret_key_file
    if path is None:
        raise RuntimeError("settings fill in the path of the key")
    return hmac.digest(_key(path), purpose.encode() + b"\0" + text, "sha256")


@cache
def _key(path: Path) -> bytes:
    return path.read_bytes().strip()
