"""The worklist narrows by language, messages say their side, and people choose which mails they want."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "20261128_c_lists"
down_revision = "20261128_b_deadlines"
branch_labels = None
depends_on = None


def where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


OPEN = where("status IN ('requested', 'received', 'accepted', 'in-progress', 'on-hold')")
BY_SITE = ["reading_organization_id", "organization_id", "due_at", "id"]
BY_EXAM_TYPE = ["reading_organization_id", "exam_type", "due_at", "id"]


def upgrade() -> None:
    op.add_column("review", sa.Column("language", sa.String(10), nullable=False, server_default="en"))
    op.execute("UPDATE review SET language = (SELECT language FROM referral WHERE referral.id = review.referral_id)")
    op.drop_index("ix_review_open_site", "review")
    op.create_index("ix_review_open_site", "review", [*BY_SITE, "exam_type", "language"], **OPEN)
    op.drop_index("ix_review_open_exam_type", "review")
    op.create_index("ix_review_open_exam_type", "review", [*BY_EXAM_TYPE, "language"], **OPEN)
    op.create_index(
        "ix_review_open_language", "review", ["reading_organization_id", "language", "due_at", "id"], **OPEN
    )
    op.add_column("message", sa.Column("from_reader", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(sa.text("UPDATE message SET from_reader = :yes WHERE kind = 'question'").bindparams(yes=True))
    op.add_column("person", sa.Column("mails", sa.String(10), nullable=False, server_default="instantly"))
    op.add_column("notification", sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("notification", sa.Column("for_anyone", sa.Boolean(), nullable=False, server_default=sa.false()))
    asked = sa.text("UPDATE notification SET for_anyone = :yes WHERE kind = 'review.requested'")
    op.execute(asked.bindparams(yes=True))
    op.create_index("ix_notification_referral", "notification", ["referral_id"])
    op.create_index(
        "ix_notification_unread", "notification", ["person_id", "referral_id"],
        **where("read_at IS NULL AND settled_at IS NULL"),
    )  # fmt: skip
    op.create_index("ix_notification_digest", "notification", ["person_id", "id"], **where("mail_status = 'digest'"))


def downgrade() -> None:
    for name in ("digest", "unread", "referral"):
        op.drop_index(f"ix_notification_{name}", "notification")
    for table, column in (
        ("notification", "for_anyone"),
        ("notification", "settled_at"),
        ("person", "mails"),
        ("message", "from_reader"),
    ):
        with op.batch_alter_table(table) as altered:
            altered.drop_column(column)
    op.drop_index("ix_review_open_language", "review")
    op.drop_index("ix_review_open_exam_type", "review")
    op.create_index("ix_review_open_exam_type", "review", BY_EXAM_TYPE, **OPEN)
    op.drop_index("ix_review_open_site", "review")
    op.create_index("ix_review_open_site", "review", BY_SITE, **OPEN)
    with op.batch_alter_table("review") as review:
        review.drop_column("language")
