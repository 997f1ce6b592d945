"""A study's counts are asked of its instances, as each may see them; the columns that nothing read go."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_z_uncounted"
down_revision = "20261126_wrapped"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("study", "instance_count")
    op.drop_column("study", "clip_count")


def downgrade() -> None:
    """Zero until the study settles again; nothing reads them."""
    for name in ("instance_count", "clip_count"):
        op.add_column("study", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
