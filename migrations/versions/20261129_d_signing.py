"""Critical findings are on record from the press to the read-back."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261129_d_signing"
down_revision = "20261128_e_measurements"
branch_labels = None
depends_on = None
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
OPEN_SQL = sa.text("status IN ('raised', 'communicated')")


def upgrade() -> None:
    create_critical_finding()
    op.add_column("organization", sa.Column("critical_findings", JSON, nullable=False, server_default="{}"))


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
    op.drop_column("organization", "critical_findings")
    op.drop_table("critical_finding")
