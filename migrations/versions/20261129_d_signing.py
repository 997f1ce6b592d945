"""Critical findings are on record from the press to the read-back; a signature is sealed, and may be a passkey's."""

import rfc8785
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.access.secrets import keyed
from app.db import UTCDateTime

revision = "20261129_d_signing"
down_revision = "20261129_c_pregnancies"
branch_labels = None
depends_on = None
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
OPEN_SQL = sa.text("status IN ('raised', 'communicated')")


def upgrade() -> None:
    create_critical_finding()
    op.add_column("organization", sa.Column("critical_findings", JSON, nullable=False, server_default="{}"))
    create_late_files()
    op.add_column("referral", sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE referral SET answered_at = (SELECT max(signed_at) FROM report WHERE report.referral_id = referral.id)"
    )
    op.add_column("review", sa.Column("attest_at", sa.DateTime(timezone=True), nullable=True))
    waits = sa.text("attest_at IS NOT NULL")
    op.create_index("ix_review_attest", "review", ["reading_organization_id", "attest_at", "id"], sqlite_where=waits,
                    postgresql_where=waits)  # fmt: skip
    op.add_column("membership", sa.Column("is_supervised", sa.Boolean(), nullable=False, server_default=sa.false()))
    create_second_opinion()
    create_passkey()
    create_challenge()
    with op.batch_alter_table("signature") as signature:
        signature.add_column(sa.Column("proof_id", sa.Uuid(), nullable=True))
        signature.add_column(sa.Column("method", sa.String(length=20), nullable=False, server_default="password"))
        signature.add_column(sa.Column("evidence", JSON, nullable=False, server_default="{}"))
        signature.add_column(sa.Column("seal", sa.String(length=64), nullable=False, server_default=""))
        signature.create_unique_constraint("uq_signature_proof_id", ["proof_id"])
    seal_what_is_signed()


def seal_what_is_signed() -> None:
    """What was signed before is sealed as it lies here now, by the server's key."""
    signature = sa.table(
        "signature", *(sa.column(name, sa.Uuid()) for name in ("id", "report_version_id", "person_id")),
        *(sa.column(name, sa.String()) for name in ("printed_name", "meaning", "sha256", "seal")),
        sa.column("signed_at", UTCDateTime()),
    )  # fmt: skip
    for row in op.get_bind().execute(sa.select(signature)).all():
        bound = {
            "version": str(row.report_version_id), "person": str(row.person_id), "sha256": row.sha256,
            "signed_at": row.signed_at.isoformat(timespec="seconds"), "printed_name": row.printed_name,
            "meaning": row.meaning, "proof": "", "method": "password", "evidence": {},
        }  # fmt: skip
        seal = keyed("signature", rfc8785.dumps(bound)).hex()
        op.execute(sa.update(signature).where(signature.c.id == row.id).values(seal=seal))


def create_late_files() -> None:
    keys = {"organization_id": "organization", "reading_organization_id": "organization", "referral_id": "referral",
            "report_id": "report", "review_id": "review"}  # fmt: skip
    op.create_table(
        "late_files",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in keys),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("came_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        *(
            sa.ForeignKeyConstraint([name], [f"{table}.id"], name=f"fk_late_files_{name}_{table}")
            for name, table in keys.items()
        ),
        sa.PrimaryKeyConstraint("id", name="pk_late_files"),
    )
    is_open = sa.text("closed_at IS NULL")
    op.create_index("uq_late_files_open", "late_files", ["report_id"], unique=True, sqlite_where=is_open,
                    postgresql_where=is_open)  # fmt: skip
    op.create_index("ix_late_files_open", "late_files", ["reading_organization_id", "due_at", "id"], sqlite_where=is_open,
                    postgresql_where=is_open)  # fmt: skip


def create_second_opinion() -> None:
    keys = {"organization_id": "organization", "asked_organization_id": "organization", "referral_id": "referral",
            "review_id": "review", "person_id": "person"}  # fmt: skip
    nobody_yet = ("asked_person_id", "given_by_id")
    op.create_table(
        "second_opinion",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in keys),
        *(sa.Column(name, sa.Uuid(), nullable=True) for name in nobody_yet),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agrees", sa.Boolean(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        *(
            sa.ForeignKeyConstraint([name], [f"{table}.id"], name=f"fk_second_opinion_{name}_{table}")
            for name, table in {**keys, **dict.fromkeys(nobody_yet, "person")}.items()
        ),
        sa.PrimaryKeyConstraint("id", name="pk_second_opinion"),
    )
    op.create_index("ix_second_opinion_review_id", "second_opinion", ["review_id"])
    is_asked = sa.text("status = 'asked'")
    op.create_index("ix_second_opinion_asked", "second_opinion", ["asked_organization_id", "asked_at", "id"],
                    sqlite_where=is_asked, postgresql_where=is_asked)  # fmt: skip


def create_passkey() -> None:
    op.create_table(
        "passkey",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.String(length=1400), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_passkey_person_id_person"),
        sa.PrimaryKeyConstraint("id", name="pk_passkey"),
        sa.UniqueConstraint("credential_id", name="uq_passkey_credential_id"),
    )
    op.create_index("ix_passkey_person_id", "passkey", ["person_id"])


def create_challenge() -> None:
    op.create_table(
        "challenge",
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("purpose", sa.String(length=10), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_challenge_person_id_person"),
        sa.PrimaryKeyConstraint("id", name="pk_challenge"),
    )
    op.create_index("ix_challenge_expires_at", "challenge", ["expires_at"])


def create_critical_finding() -> None:
    op.create_table(
        "critical_finding",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("reading_organization_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("finding", sa.String(length=200), nullable=False),
        sa.Column("grade", sa.String(length=12), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("identified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("communicated_by", sa.String(length=200), nullable=False),
        sa.Column("received_by", sa.String(length=200), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("method", sa.String(length=12), nullable=False),
        sa.Column("said_back", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["ended_by_id"], ["person.id"], name="fk_critical_finding_ended_by_id_person"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_critical_finding_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_critical_finding_person_id_person"),
        sa.ForeignKeyConstraint(
            ["reading_organization_id"], ["organization.id"],
            name="fk_critical_finding_reading_organization_id_organization",
        ),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name="fk_critical_finding_referral_id_referral"),
        sa.ForeignKeyConstraint(["review_id"], ["review.id"], name="fk_critical_finding_review_id_review"),
        sa.PrimaryKeyConstraint("id", name="pk_critical_finding"),
    )  # fmt: skip
    op.create_index("ix_critical_finding_referral_id", "critical_finding", ["referral_id"])
    for name, side in (("open", "organization_id"), ("open_here", "reading_organization_id")):
        op.create_index(
            f"ix_critical_finding_{name}", "critical_finding", [side, "identified_at", "id"],
            sqlite_where=OPEN_SQL, postgresql_where=OPEN_SQL,
        )  # fmt: skip


def downgrade() -> None:
    with op.batch_alter_table("signature") as signature:
        signature.drop_constraint("uq_signature_proof_id", type_="unique")
        for name in ("seal", "evidence", "method", "proof_id"):
            signature.drop_column(name)
    op.drop_column("membership", "is_supervised")
    op.drop_index("ix_review_attest", "review")
    op.drop_column("review", "attest_at")
    op.drop_column("referral", "answered_at")
    op.drop_table("second_opinion")
    op.drop_table("late_files")
    op.drop_table("challenge")
    op.drop_table("passkey")
    op.drop_column("organization", "critical_findings")
    op.drop_table("critical_finding")
