"""A signed report lies in its study as an instance too, and is no image; readers give back to who scanned."""

import sqlalchemy as sa
from alembic import op

revision = "20261129_e_output"
down_revision = "20261129_d_signing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("instance") as instance:
        instance.add_column(sa.Column("report_id", sa.Uuid(), nullable=True))
        instance.add_column(sa.Column("referral_id", sa.Uuid(), nullable=True))
    answers = sa.text("report_id IS NOT NULL")
    op.create_index("ix_instance_report", "instance", ["report_id"], sqlite_where=answers, postgresql_where=answers)
    create_feedback()


def create_feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("reading_organization_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("report_version_id", sa.Uuid(), nullable=False),
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("agreement", sa.String(length=10), nullable=False),
        sa.Column("instance_id", sa.Uuid(), nullable=True),
        sa.Column("frame", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name="fk_feedback_instance_id_instance"),
        sa.ForeignKeyConstraint(["operator_id"], ["person.id"], name="fk_feedback_operator_id_person"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_feedback_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_feedback_person_id_person"),
        sa.ForeignKeyConstraint(
            ["reading_organization_id"], ["organization.id"], name="fk_feedback_reading_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name="fk_feedback_referral_id_referral"),
        sa.ForeignKeyConstraint(
            ["report_version_id"], ["report_version.id"], name="fk_feedback_report_version_id_report_version"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
        sa.UniqueConstraint("report_version_id", name="uq_feedback_report_version_id"),
    )
    op.create_index("ix_feedback_operator", "feedback", ["operator_id", "id"])


def downgrade() -> None:
    op.drop_table("feedback")
    op.drop_index("ix_instance_report", "instance")
    op.execute(
        sa.text("UPDATE instance SET dicom_blob_id = NULL WHERE report_id IS NOT NULL")
    )  # nobody could tell them
    with op.batch_alter_table("instance") as instance:
        instance.drop_column("referral_id")
        instance.drop_column("report_id")
