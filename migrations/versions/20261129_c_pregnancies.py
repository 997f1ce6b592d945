"""A pregnancy has one date of delivery with all that it rested on; a nearly true measurement can be confirmed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261129_c_pregnancies"
down_revision = "20261129_a_outbox"
branch_labels = None
depends_on = None
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    create_pregnancy()
    create_dating()
    with op.batch_alter_table("referral") as referral:
        referral.add_column(sa.Column("examined_on", sa.Date(), nullable=True))
        referral.add_column(sa.Column("pregnancy_id", sa.Uuid(), nullable=True))
        referral.create_foreign_key("fk_referral_pregnancy_id_pregnancy", "pregnancy", ["pregnancy_id"], ["id"])
    with op.batch_alter_table("measurement") as measurement:
        measurement.add_column(sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
        measurement.add_column(sa.Column("confirmed_by_id", sa.Uuid(), nullable=True))
        measurement.create_foreign_key(
            "fk_measurement_confirmed_by_id_person", "person", ["confirmed_by_id"], ["id"]
        )  # fmt: skip


def create_pregnancy() -> None:
    op.create_table(
        "pregnancy",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("edd", sa.Date(), nullable=False),
        sa.Column("basis", sa.String(length=20), nullable=False),
        sa.Column("is_certain", sa.Boolean(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("dated_by_id", sa.Uuid(), nullable=False),
        sa.Column("dated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["dated_by_id"], ["person.id"], name="fk_pregnancy_dated_by_id_person"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_pregnancy_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_pregnancy_patient_id_patient"),
        sa.PrimaryKeyConstraint("id", name="pk_pregnancy"),
    )
    op.create_index("ix_pregnancy_patient", "pregnancy", ["patient_id", "id"])


def create_dating() -> None:
    op.create_table(
        "dating",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("pregnancy_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("edd", sa.Date(), nullable=False),
        sa.Column("basis", sa.String(length=20), nullable=False),
        sa.Column("is_certain", sa.Boolean(), nullable=False),
        sa.Column("detail", JSON, nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_dating_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_dating_person_id_person"),
        sa.ForeignKeyConstraint(["pregnancy_id"], ["pregnancy.id"], name="fk_dating_pregnancy_id_pregnancy"),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name="fk_dating_referral_id_referral"),
        sa.PrimaryKeyConstraint("id", name="pk_dating"),
        sa.UniqueConstraint("pregnancy_id", "number", name="uq_dating_pregnancy_id_number"),
    )
    op.create_index("ix_dating_referral_id", "dating", ["referral_id"])


def downgrade() -> None:
    with op.batch_alter_table("measurement") as measurement:
        measurement.drop_constraint("fk_measurement_confirmed_by_id_person", type_="foreignkey")
        measurement.drop_column("confirmed_by_id")
        measurement.drop_column("confirmed_at")
    with op.batch_alter_table("referral") as referral:
        referral.drop_constraint("fk_referral_pregnancy_id_pregnancy", type_="foreignkey")
        referral.drop_column("pregnancy_id")
        referral.drop_column("examined_on")
    op.drop_table("dating")
    op.drop_table("pregnancy")
