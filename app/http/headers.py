"""What every answer says to the browser, unless its door said otherwise."""

from starlette.datastructures import MutableHeaders

from app.config import settings

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
ALWAYS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with it browsers send `Origin: null` from our own forms (Fetch, "append a request Origin").
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
TWO_YEARS = "max-age=63072000"  # of this name alone: its neighbours are not ours


def harden(headers: MutableHeaders, path: str) -> None:
    """Add what is missing; an image may allow the browser to keep it, a page may narrow its policy."""
    for name, value in ALWAYS.items():
        headers.setdefault(name, value)
    # Static files hold nothing of anybody, and are asked for again by ETag.
    headers.setdefault("Cache-Control", "no-cache" if path.startswith("/static/") else "no-store")
    if settings().secure:
        headers.setdefault("Strict-Transport-Security", TWO_YEARS)
