"""Secrets that are shown once and kept only as a digest."""

import hashlib
import secrets


def new_secret(prefix: str = "") -> str:
    """256 random bits, safe in a URL and a header."""
    return prefix + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is kept of a secret; with 256 random bits in it, a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
