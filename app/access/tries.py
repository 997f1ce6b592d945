"""How often a secret may be tried: counted before the work, so that trying in parallel gains nothing."""

from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.models import SignInTry
from app.access.secrets import digest
from app.access.turn import take_turn
from app.config import settings
from app.db import now
from app.errors import Refusal

WINDOW = timedelta(minutes=15)
# One address may stand for a whole clinic, so it may fail for several people, but not for ten thousand.
PER_CLIENT = 10


class TooManyTries(Refusal):
    """Somebody guesses, or has forgotten; waiting helps, and other addresses are not affected."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("Too many tries from here. Wait a quarter of an hour, then try again.")
        self.retry_after_s = retry_after_s


def count(session: Session, who: str, client: str) -> None:
    """Note a try to be `who` from the client's address, or refuse it; `forgive` takes it back.

    Counted per person and address, so that a stranger elsewhere cannot lock the owner out."""
    at = now()
    for key, most in _keys(who, client):
        take_turn(session, f"try:{key}")
        mine = (SignInTry.key == key, SignInTry.at > at - WINDOW)
        tries, first = session.execute(sa.select(sa.func.count(), sa.func.min(SignInTry.at)).where(*mine)).one()
        if tries >= most:
            raise TooManyTries(max(1, int((first + WINDOW - at).total_seconds())))
        session.add(SignInTry(key=key, at=at))
    session.flush()


def forgive(session: Session, who: str, client: str) -> None:
    """It was the owner: forget their tries from here, and this one of the address's."""
    (both, _), (address, _) = _keys(who, client)
    session.execute(sa.delete(SignInTry).where(SignInTry.key == both))
    latest = sa.select(SignInTry.id).where(SignInTry.key == address).order_by(SignInTry.at.desc()).limit(1)
    session.execute(sa.delete(SignInTry).where(SignInTry.id == latest.scalar_subquery()))


def _keys(who: str, client: str) -> tuple[tuple[str, int], tuple[str, int]]:
    network, most = _network(client), settings().sign_in_tries
    return (digest(f"{who} {network}"), most), (digest(network), most * PER_CLIENT)


def _network(client: str) -> str:
    """A household or server owns a whole /64 of IPv6: its addresses count as one."""
    try:
        address = ip_address(client)
    except ValueError:
        return client
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((address, 64), strict=False))
    return str(address)
