"""A reader's message may have files of the reader's own with it."""

import sqlalchemy as sa
from alembic import op

revision = "20261129_h_enclosures"
down_revision = "20261129_h_meant"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "enclosure",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=1000), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("blob_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_enclosure_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name="fk_enclosure_message_id_message"),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name="fk_enclosure_blob_id_blob"),
        sa.PrimaryKeyConstraint("id", name="pk_enclosure"),
        sa.UniqueConstraint("message_id", "sha256", name="uq_enclosure_message_id_sha256"),
    )


def downgrade() -> None:
    op.drop_table("enclosure")
