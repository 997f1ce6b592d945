"""API tokens as the verbs make and end them."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy.orm import Session

from app.access import login, passwords, tokens, totp
from app.access.actor import Actor
from app.access.identify import by_cookie, by_token
from app.access.models import ApiToken
from app.config import Settings
from app.db import now, reading, transaction
from app.errors import Forbidden, Invalid, NotFound
from tests.access.accounts import Account, account, everything_kept


def made(by: Account, **given: object) -> tuple[ApiToken, str]:
    with transaction(by.actor) as session:
        return tokens.make(session, by.actor, **({"name": "room 2", "scopes": ["read"]} | given))  # type: ignore[arg-type]  # of many kinds


def behind(secret: str) -> Actor | None:
    with reading(Actor("nobody")) as session:
        found = by_token(session, secret)
    return found.actor if found else None


def test_a_token_acts_as_its_person_within_its_scopes(db: Settings) -> None:
    amina = account()
    row, secret = made(amina)
    who = behind(secret)
    assert who is not None
    assert (who.kind, who.person_id, sorted(who.scopes)) == ("token", amina.id, ["read"])
    assert who.organization_ids == (amina.organization_id,)
    assert not who.needs_second_factor
    assert secret.startswith("spt_")
    assert secret.startswith(row.hint)
    assert secret not in everything_kept()


def test_a_token_is_no_cookie(db: Settings) -> None:
    _row, secret = made(account())
    with reading(Actor("nobody")) as session:
        assert by_cookie(session, secret) is None


def test_a_token_ends_by_time_and_by_being_revoked(db: Settings) -> None:
    amina = account()
    row, secret = made(amina, days=30)
    with time_machine.travel(now() + timedelta(days=29)):
        assert behind(secret)
    with time_machine.travel(now() + timedelta(days=30, seconds=1)):
        assert behind(secret) is None
    for _ in range(2):
        with transaction(amina.actor) as session:
            tokens.revoke(session, amina.actor, row.id)
    assert behind(secret) is None
    with reading(amina.actor) as session:
        assert tokens.listing(session, amina.actor) == []


def test_nobody_sees_or_revokes_anothers_token(db: Settings) -> None:
    amina, stranger = account(), account()
    row, secret = made(amina)
    with reading(stranger.actor) as session:
        assert tokens.listing(session, stranger.actor) == []
    with transaction(stranger.actor) as session, pytest.raises(NotFound):
        tokens.revoke(session, stranger.actor, row.id)
    assert behind(secret)


def test_a_token_cannot_make_another(db: Settings) -> None:
    _row, secret = made(account(), scopes=["read", "write"])
    who = behind(secret)
    assert who is not None
    with transaction(who) as session, pytest.raises(Forbidden):
        tokens.make(session, who, "more", ["write"])


def test_a_token_changes_nothing_of_how_its_person_gets_in(db: Settings) -> None:
    _row, secret = made(account(), scopes=["read", "write"])
    who, hashed = behind(secret), passwords.hash_new("zebra-tulip-94-moss")
    assert who is not None
    acts: list[Callable[[Session], object]] = [
        lambda session: totp.enrol(session, who),
        lambda session: totp.offered(session, who),
        lambda session: totp.confirm(session, who, "123456"),
        lambda session: totp.remove(session, who),
        lambda session: login.set_password(session, who, hashed),
        lambda session: login.sign_ins(session, who),
        lambda session: login.sign_out(session, who),
        lambda session: login.sign_out_everywhere(session, who),
    ]
    for act in acts:
        with transaction(who) as session, pytest.raises(Forbidden):
            act(session)


@pytest.mark.parametrize(
    ("field", "given"),
    [("name", {"name": ""}), ("name", {"name": "a\x00b"}), ("scopes", {"scopes": []}), ("scopes", {"scopes": ["all"]}),
     ("days", {"days": 0}), ("days", {"days": 367})],
)  # fmt: skip
def test_a_token_that_cannot_be_is_refused_by_its_field(db: Settings, field: str, given: dict[str, object]) -> None:
    with pytest.raises(Invalid) as refused:
        made(account(), **given)
    assert refused.value.field == field


def test_tokens_do_not_pile_up_without_end(db: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_TOKENS", 3)
    amina = account()
    for _ in range(3):
        made(amina)
    with pytest.raises(Invalid, match="Revoke one"):
        made(amina)
