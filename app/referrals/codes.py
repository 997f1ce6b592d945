"""The short code by which people talk about a case: K7M-2QX, with a check character."""

import secrets

# No letters or digits that look or sound alike (0 O, 1 I L, 5 S, U V); 29 is a prime, so the check
# character finds every wrong and every swapped one.
ALPHABET = "23456789ABCDEFGHJKMNPQRTVWXYZ"


def new_code() -> str:
    symbols = [secrets.randbelow(len(ALPHABET)) for _ in range(5)]
    text = "".join(ALPHABET[each] for each in [*symbols, _check(symbols)])
    return f"{text[:3]}-{text[3:]}"


def normalized(text: str) -> str | None:
    """`k7m2qx` → `K7M-2QX`, or None where the check character does not agree."""
    bare = "".join(c for c in text.upper() if c.isalnum())
    if len(bare) != 6 or any(c not in ALPHABET for c in bare):
        return None
    symbols = [ALPHABET.index(c) for c in bare]
    return f"{bare[:3]}-{bare[3:]}" if _check(symbols[:5]) == symbols[5] else None


def _check(symbols: list[int]) -> int:
    return sum((place + 2) * symbol for place, symbol in enumerate(symbols)) % len(ALPHABET)
