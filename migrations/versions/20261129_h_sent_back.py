"""A supervisor sends a report back to its reader with a remark, and its reader has a time to sign it anew."""

import sqlalchemy as sa
from alembic import op

revision = "20261129_h_sent_back"
down_revision = "20261129_g_templates"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("review", sa.Column("mend_by", sa.DateTime(timezone=True), nullable=True))
    waits = sa.text("mend_by IS NOT NULL")
    op.create_index("ix_review_mend", "review", ["reading_organization_id", "mend_by", "id"], sqlite_where=waits,
                    postgresql_where=waits)  # fmt: skip
    keys = {"organization_id": "organization", "review_id": "review", "report_version_id": "report_version",
            "person_id": "person"}  # fmt: skip
    op.create_table(
        "remark",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in keys),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *(
            sa.ForeignKeyConstraint([name], [f"{table}.id"], name=f"fk_remark_{name}_{table}")
            for name, table in keys.items()
        ),
        sa.PrimaryKeyConstraint("id", name="pk_remark"),
    )
    op.create_index("ix_remark_review_id", "remark", ["review_id"])


def downgrade() -> None:
    op.drop_table("remark")
    op.drop_index("ix_review_mend", "review")
    op.drop_column("review", "mend_by")
