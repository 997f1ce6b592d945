"""A link can be withdrawn, and its list has an index."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_withdrawn_links"
down_revision = "20261126_unmatched"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("link", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_link_organization", "link", ["organization_id", "kind", "id"])


def downgrade() -> None:
    op.drop_index("ix_link_organization", "link")
    op.drop_column("link", "withdrawn_at")
