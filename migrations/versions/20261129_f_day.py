"""A declined case can be sent on; conflicts of bytes are settled; what was said with values is kept so."""

import sqlalchemy as sa
from alembic import op

revision = "20261129_f_day"
down_revision = "20261129_e_output"
branch_labels = None
depends_on = None
OPEN_CONFLICT = "settled_at IS NULL"


def upgrade() -> None:
    op.add_column("review", sa.Column("sent_on_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("instance_conflict") as conflict:
        conflict.add_column(sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True))
        conflict.add_column(sa.Column("settled_by_id", sa.Uuid(), nullable=True))
        conflict.create_foreign_key("fk_instance_conflict_settled_by_id_person", "person", ["settled_by_id"], ["id"])
    op.create_index("ix_instance_conflict_open", "instance_conflict", ["organization_id", "id"],
                    sqlite_where=sa.text(OPEN_CONFLICT), postgresql_where=sa.text(OPEN_CONFLICT))  # fmt: skip
    with op.batch_alter_table("notification") as notification:
        notification.alter_column("mail_reason", type_=sa.Text(), existing_type=sa.String(200), existing_nullable=False)


def downgrade() -> None:
    op.drop_index("ix_instance_conflict_open", "instance_conflict")
    with op.batch_alter_table("instance_conflict") as conflict:
        conflict.drop_constraint("fk_instance_conflict_settled_by_id_person", type_="foreignkey")
        conflict.drop_column("settled_by_id")
        conflict.drop_column("settled_at")
    op.drop_column("review", "sent_on_at")
    with op.batch_alter_table("notification") as notification:
        notification.alter_column("mail_reason", type_=sa.String(200), existing_type=sa.Text(), existing_nullable=False)
