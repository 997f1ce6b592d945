"""A decoding child that died or was too slow may have had bad luck; three of them have not."""

from collections.abc import Callable
from typing import TypeVar

from app.errors import Invalid

TRIES, BAD_LUCK = 3, ("died", "slow")
Answer = TypeVar("Answer")


def tried(make: Callable[[], Answer]) -> Answer:
    """What `make` gives, at the third attempt at the latest; a file that is refused is refused at once."""
    for _ in range(TRIES - 1):
        try:
            return make()
        except Invalid as refusal:
            if refusal.facts.get("reason_code") not in BAD_LUCK:
                raise
    return make()
