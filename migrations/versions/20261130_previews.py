"""Files have a preview before they are here, and a priority; organizations say when their line is cheap."""

import sqlalchemy as sa
from alembic import op

revision = "20261130_previews"
down_revision = "20261129_h_enclosures"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("manifest_item") as item:
        item.add_column(sa.Column("priority", sa.Integer(), nullable=True))
        item.add_column(sa.Column("preview", sa.String(length=10), nullable=True))
        item.add_column(sa.Column("preview_frames", sa.Integer(), nullable=False, server_default="1"))
    with op.batch_alter_table("upload") as upload:
        upload.add_column(sa.Column("is_preview", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("organization") as organization:
        organization.add_column(sa.Column("clips_from", sa.String(length=5), nullable=False, server_default="20:00"))
        organization.add_column(sa.Column("clips_until", sa.String(length=5), nullable=False, server_default="06:00"))


def downgrade() -> None:
    with op.batch_alter_table("organization") as organization:
        organization.drop_column("clips_until")
        organization.drop_column("clips_from")
    with op.batch_alter_table("upload") as upload:
        upload.drop_column("is_preview")
    with op.batch_alter_table("manifest_item") as item:
        item.drop_column("preview_frames")
        item.drop_column("preview")
        item.drop_column("priority")
