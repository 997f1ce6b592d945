"""What was discarded on a device before it was sent is told, and noted."""

import sqlalchemy as sa
from alembic import op

revision = "20261129_a_outbox"
down_revision = "20261128_f_identifiers"
branch_labels = None
depends_on = None
UNNOTED = sa.text("noted_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "outbox_discard",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=True),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("discarded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("noted_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_outbox_discard_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_outbox_discard_person_id_person"),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name="fk_outbox_discard_referral_id_referral"),
        sa.ForeignKeyConstraint(["noted_by_id"], ["person.id"], name="fk_outbox_discard_noted_by_id_person"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox_discard"),
        sa.UniqueConstraint("person_id", "key", name="uq_outbox_discard_person_id_key"),
    )
    op.create_index(
        "ix_outbox_discard_unnoted", "outbox_discard", ["organization_id", "id"],
        sqlite_where=UNNOTED, postgresql_where=UNNOTED,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("outbox_discard")
