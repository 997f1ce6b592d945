"""One transaction at a time does what bears a name."""

import hashlib

import sqlalchemy as sa
from sqlalchemy.orm import Session


def take_turn(session: Session, name: str) -> None:
    """Wait until no other transaction holds the name; it is free again at the end of this one."""
    if _on_postgresql(session):  # on SQLite there is only one writer anyway
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(_number(name))))


def try_turn(session: Session, name: str) -> bool:
    """Take the name without waiting; False when another transaction holds it."""
    if _on_postgresql(session):
        return bool(session.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_number(name)))))
    return True


def _on_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def _number(name: str) -> int:
    """PostgreSQL's advisory locks go by a signed 64-bit number."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
