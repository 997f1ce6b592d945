"""A study says whether a referral asks about it, so that those that came without one are walked by an index."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_unmatched"
down_revision = "20261126_review_exam_type"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("study", sa.Column("matched_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE study SET matched_at ="
        " (SELECT min(attached_at) FROM referral_study WHERE referral_study.study_id = study.id)"
    )
    is_unmatched = sa.text("matched_at IS NULL")
    op.create_index(
        "ix_study_unmatched", "study", ["organization_id", "id"], sqlite_where=is_unmatched, postgresql_where=is_unmatched
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_study_unmatched", "study")
    op.drop_column("study", "matched_at")
