"""Sessions, tokens, one-time links, tries to sign in, and the Grant that lets another organization see."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, now


class SignIn(Base):
    """A signed-in browser; the cookie holds a secret of which only the digest is kept."""

    __tablename__ = "sign_in"

    secret_sha256: Mapped[str] = mapped_column(sa.String(64), unique=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    second_factor_at: Mapped[datetime | None]
    # A demo's sign-in link needs no second factor, and says so to whoever looks here.
    second_factor_waived: Mapped[bool] = mapped_column(default=False)
    browser: Mapped[str] = mapped_column(sa.String(200), default="")


class ApiToken(Base):
    """Acts as its person within its scopes; only the digest is kept."""

    __tablename__ = "api_token"

    secret_sha256: Mapped[str] = mapped_column(sa.String(64), unique=True)
    hint: Mapped[str] = mapped_column(sa.String(12))  # its first letters, to tell tokens apart
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(100))
    scopes: Mapped[list[Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Link(Base):
    """A link that lets somebody in: set-up, invitation, new password, or a demo's sign-in."""

    __tablename__ = "link"

    secret_sha256: Mapped[str] = mapped_column(sa.String(64), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(12))  # setup, invitation, password, demo
    organization_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("organization.id"))
    person_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("person.id"))
    role: Mapped[str | None] = mapped_column(sa.String(20))
    email: Mapped[str | None] = mapped_column(sa.String(254))
    invited_by_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("person.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]

    __table_args__ = (sa.Index("ix_link_organization", "organization_id", "kind", "id"),)


class SignInTry(Base):
    """A wrong password or code, kept for fifteen minutes to slow down guessing."""

    __tablename__ = "sign_in_try"

    key: Mapped[str] = mapped_column(sa.String(64))  # digest of the e-mail address and the client's address
    at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (sa.Index("ix_sign_in_try_key", "key", "at"),)


class Grant(Base):
    """`organization_id` may see a referral, or a study, of another organization."""

    __tablename__ = "access_grant"  # GRANT is a word of SQL

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organization.id"))
    referral_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("referral.id"))
    study_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("study.id"))
    review_id: Mapped[UUID | None] = mapped_column(
        sa.ForeignKey("review.id")
    )  # an earlier case, while this one is read
    valid_from: Mapped[datetime] = mapped_column(default=now)
    valid_to: Mapped[datetime | None]

    __table_args__ = (
        sa.Index("ix_access_grant_referral", "referral_id", "organization_id"),
        sa.Index("ix_access_grant_study", "study_id", "organization_id"),
        sa.Index("ix_access_grant_organization", "organization_id", "study_id"),
        sa.Index("ix_access_grant_review", "review_id"),
    )


class IdempotencyKey(Base):
    """A POST that was done under a key of the client's; the answer is rebuilt from what it made."""

    __tablename__ = "idempotency_key"

    actor_id: Mapped[UUID]
    key: Mapped[str] = mapped_column(sa.String(255))
    method: Mapped[str] = mapped_column(sa.String(10))
    path: Mapped[str] = mapped_column(sa.String(300))
    fingerprint: Mapped[str] = mapped_column(sa.String(64))
    status: Mapped[int]
    resource_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)

    __table_args__ = (sa.UniqueConstraint("actor_id", "key"),)


class Passkey(Base):
    """A person's device or security key, by its public key (WebAuthn 6.4.1); the private one never leaves it."""

    __tablename__ = "passkey"

    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("person.id"), index=True)
    credential_id: Mapped[str] = mapped_column(sa.String(1400), unique=True)  # base64url of at most 1023 bytes
    public_key: Mapped[str] = mapped_column(sa.Text)  # COSE, base64url
    sign_count: Mapped[int] = mapped_column(sa.BigInteger)
    name: Mapped[str] = mapped_column(sa.String(100))
    created_at: Mapped[datetime] = mapped_column(default=now)
    used_at: Mapped[datetime | None]


class Challenge(Base):
    """What a passkey is asked to sign: for one person and purpose, over one thing that was shown, once."""

    __tablename__ = "challenge"

    person_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("person.id"))  # none: who signs in is not known yet
    purpose: Mapped[str] = mapped_column(sa.String(10))  # register, sign, sign-in
    nonce: Mapped[str] = mapped_column(sa.String(64))
    subject: Mapped[str] = mapped_column(sa.String(64))  # SHA-256 of what is signed; empty where nothing is
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]
