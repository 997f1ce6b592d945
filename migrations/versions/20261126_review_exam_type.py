"""A review knows its exam type, and what somebody signed lies in the order of its list: both walk an index."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "20261126_review_exam_type"
down_revision = "20261124_ground"
branch_labels = None
depends_on = None

OPEN: dict[str, Any] = {
    where: sa.text("status IN ('requested', 'received', 'accepted', 'in-progress', 'on-hold')")
    for where in ("sqlite_where", "postgresql_where")
}


def upgrade() -> None:
    op.add_column("review", sa.Column("exam_type", sa.String(length=30), nullable=True))
    op.execute("UPDATE review SET exam_type = (SELECT exam_type FROM referral WHERE referral.id = review.referral_id)")
    with op.batch_alter_table("review") as review:
        review.alter_column("exam_type", existing_type=sa.String(length=30), nullable=False)
    op.create_index(
        "ix_review_open_exam_type", "review", ["reading_organization_id", "exam_type", "due_at", "id"], **OPEN
    )
    op.drop_index("ix_review_owner", "review")
    op.create_index("ix_review_owner", "review", ["owner_id", "status", "updated_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_review_owner", "review")
    op.create_index("ix_review_owner", "review", ["owner_id", "status", "due_at", "id"])
    op.drop_index("ix_review_open_exam_type", "review")
    with op.batch_alter_table("review") as review:
        review.drop_column("exam_type")
