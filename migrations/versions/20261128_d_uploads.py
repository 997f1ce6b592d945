"""Resumable uploads: what is on its way, its parts in S3, and which server writes it."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "20261128_d_uploads"
down_revision = "20261128_c_lists"
branch_labels = None
depends_on = None


def only(words: str) -> dict[str, Any]:
    """The same words as the models', or the index is not used."""
    return {"sqlite_where": sa.text(words), "postgresql_where": sa.text(words)}


def upgrade() -> None:
    _make_uploads()
    _make_parts_and_servers()


def _make_uploads() -> None:
    op.create_table(
        "upload",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=True),
        sa.Column("item_id", sa.Uuid(), nullable=True),
        sa.Column("made_item", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(1000), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=True),
        sa.Column("given", sa.Text(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("offset_bytes", sa.BigInteger(), nullable=False),
        sa.Column("server_id", sa.Uuid(), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("is_asked_for", sa.Boolean(), nullable=False),
        sa.Column("key", sa.String(120), nullable=True),
        sa.Column("multipart_id", sa.Text(), nullable=True),
        sa.Column("has_leftovers", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["manifest_item.id"], name=op.f("fk_upload_item_id_manifest_item")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_upload_organization_id_organization")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_upload_person_id_person")),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name=op.f("fk_upload_referral_id_referral")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
    )  # fmt: skip
    op.create_index("ix_upload_open", "upload", ["person_id", "id"], **only("state = 'receiving'"))
    op.create_index("ix_upload_waiting", "upload", ["organization_id", "size_bytes"], **only("state = 'receiving'"))
    op.create_index("ix_upload_expires", "upload", ["expires_at", "id"])
    op.create_index("ix_upload_leftovers", "upload", ["id"], **only("has_leftovers AND state != 'receiving'"))
    op.create_index("ix_upload_server", "upload", ["server_id"], **only("server_id IS NOT NULL"))


def _make_parts_and_servers() -> None:
    op.create_table(
        "upload_part",
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("offset_bytes", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("etag", sa.String(200), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["upload_id"], ["upload.id"], name=op.f("fk_upload_part_upload_id_upload")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload_part")),
    )
    op.create_index("ix_upload_part_upload", "upload_part", ["upload_id", "offset_bytes"])
    op.create_table(
        "upload_server",
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload_server")),
    )


def downgrade() -> None:
    for table in ("upload_server", "upload_part", "upload"):
        op.drop_table(table)
