"""Deadlines that keep themselves: timers, pauses, an organization's own table, and what the coordinator walks."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261128_b_deadlines"
down_revision = "20261128_a_patients"
branch_labels = None
depends_on = None
AT_ONCE = 1_000

OPEN = "status IN ('requested', 'received', 'accepted', 'in-progress', 'on-hold')"
UNREAD = "escalated_at IS NOT NULL AND acknowledged_at IS NULL"
# index: its table, its columns, which rows
PARTIAL = {
    "ix_timer_at": ("timer", ["at", "id"], "rung_at IS NULL"),
    "ix_review_claim_by": ("review", ["reading_organization_id", "claim_by", "id"], f"owner_id IS NULL AND {OPEN}"),
    "ix_review_declined": (
        "review", ["reading_organization_id", "updated_at", "id"], "status = 'rejected' AND returned_at IS NULL",
    ),
    "ix_review_asked": ("review", ["reply_due_at", "id"], "status = 'on-hold'"),
    "ix_report_unread": ("report", ["organization_id", "escalated_at", "id"], UNREAD),
    "ix_report_unread_here": ("report", ["reading_organization_id", "escalated_at", "id"], UNREAD),
    "ix_manifest_item_trouble": ("manifest_item", ["arrived_at", "id"], "status IN ('held', 'quarantined')"),
    "ix_notification_unsent": (
        "notification", ["organization_id", "id"],
        "read_at IS NULL AND (mail_status = 'failed' OR (mail_status = 'queued' AND mail_reason <> ''))",
    ),
}  # fmt: skip
MOMENTS = (
    ("review", "claim_by"), ("review", "held_at"), ("review", "reply_due_at"), ("review", "returned_at"),
    ("review", "written_at"),
    ("report", "escalated_at"), ("manifest_item", "reminded_at"),
)  # fmt: skip
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    made = op.create_table(
        "timer",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rung_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timer")),
        sa.UniqueConstraint("subject_id", "name", name=op.f("uq_timer_subject_id_name")),
    )
    for table, column in MOMENTS:
        op.add_column(table, sa.Column(column, sa.DateTime(timezone=True), nullable=True))
    op.add_column("review", sa.Column("paused_s", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("organization", sa.Column("deadlines_min", JSON, nullable=False, server_default="{}"))
    _wind(made)
    for index, (table, columns, which) in PARTIAL.items():
        op.create_index(index, table, columns, sqlite_where=sa.text(which), postgresql_where=sa.text(which))


def _wind(timer: sa.Table) -> None:
    """What waits already has its deadline kept from now on; a question that is open is due when its case is."""
    op.execute("UPDATE review SET held_at = updated_at, reply_due_at = due_at WHERE status = 'on-hold'")
    op.execute("UPDATE review SET written_at = updated_at WHERE status = 'in-progress'")
    op.execute("UPDATE review SET claim_by = due_at WHERE owner_id IS NULL AND status IN ('requested', 'received')")
    review = sa.table("review", sa.column("id", sa.Uuid()), sa.column("due_at", sa.DateTime(timezone=True)),
                      sa.column("status"))  # fmt: skip
    waits = {"reviews.due": review.c.status.in_(("requested", "received", "accepted", "in-progress")),
             "reviews.unanswered": review.c.status == "on-hold"}  # fmt: skip
    for name, which in waits.items():
        rows = op.get_bind().execute(sa.select(review.c.id, review.c.due_at).where(which)).all()
        for at in range(0, len(rows), AT_ONCE):
            wound = [
                {"id": uuid4(), "name": name, "subject_id": row.id, "at": row.due_at} for row in rows[at : at + AT_ONCE]
            ]
            op.get_bind().execute(sa.insert(timer), wound)


def downgrade() -> None:
    for index, (table, _columns, _which) in PARTIAL.items():
        op.drop_index(index, table)
    op.drop_column("organization", "deadlines_min")
    op.drop_column("review", "paused_s")
    for table, column in MOMENTS:
        op.drop_column(table, column)
    op.drop_table("timer")
