"""Uploads that are no DICOM get a DICOM encoding: by which recipe, why not, and a document's place in its study."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "20261126_wrapped"
down_revision = "20261126_withdrawn_links"
branch_labels = None
depends_on = None


def only(words: str) -> dict[str, Any]:
    """The same words as the queries, or the index is not used."""
    return {"sqlite_where": sa.text(words), "postgresql_where": sa.text(words)}


def upgrade() -> None:
    with op.batch_alter_table("instance") as instance:
        instance.add_column(sa.Column("wrap_recipe", sa.Integer(), nullable=False, server_default="0"))
        instance.add_column(sa.Column("wrap_reason", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("document") as document:
        document.add_column(sa.Column("instance_id", sa.Uuid(), nullable=True))
        document.create_foreign_key("fk_document_instance_id_instance", "instance", ["instance_id"], ["id"])
    op.create_index("ix_instance_unwrapped", "instance", ["wrap_recipe", "study_id"], **only("kind != 'dicom'"))
    op.create_index("ix_document_unplaced", "document", ["id"], **only("instance_id IS NULL"))


def downgrade() -> None:
    op.drop_index("ix_document_unplaced", "document")
    op.drop_index("ix_instance_unwrapped", "instance")
    with op.batch_alter_table("document") as document:
        document.drop_constraint("fk_document_instance_id_instance", type_="foreignkey")
        document.drop_column("instance_id")
    with op.batch_alter_table("instance") as instance:
        instance.drop_column("wrap_reason")
        instance.drop_column("wrap_recipe")
