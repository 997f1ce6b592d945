"""Patients are found by their words within an organization, were known otherwise before, and become one by a merge."""

import sqlalchemy as sa
from alembic import op

revision = "20261128_a_patients"
down_revision = "20261127_referring_physician"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("patient") as patient:
        patient.add_column(sa.Column("merged_into_id", sa.Uuid(), nullable=True))
        patient.create_foreign_key("fk_patient_merged_into_id_patient", "patient", ["merged_into_id"], ["id"])
    op.add_column("patient_word", sa.Column("organization_id", sa.Uuid(), nullable=True))
    op.execute(
        "UPDATE patient_word SET organization_id ="
        " (SELECT patient.organization_id FROM patient WHERE patient.id = patient_word.patient_id)"
    )
    with op.batch_alter_table("patient_word") as word:
        word.alter_column("organization_id", existing_type=sa.Uuid(), nullable=False)
        word.create_foreign_key(
            "fk_patient_word_organization_id_organization", "organization", ["organization_id"], ["id"]
        )
        word.create_index("ix_patient_word_here", ["organization_id", "word", "patient_id"])
    _merges()
    _aliases()


def _merges() -> None:
    op.create_table(
        "patient_merge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("from_patient_id", sa.Uuid(), nullable=False),
        sa.Column("into_patient_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("moved", sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_patient_merge_organization_id_organization"),
        sa.ForeignKeyConstraint(["from_patient_id"], ["patient.id"], name="fk_patient_merge_from_patient_id_patient"),
        sa.ForeignKeyConstraint(["into_patient_id"], ["patient.id"], name="fk_patient_merge_into_patient_id_patient"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_patient_merge_person_id_person"),
        sa.PrimaryKeyConstraint("id", name="pk_patient_merge"),
    )  # fmt: skip
    op.create_index("ix_patient_merge_organization_id", "patient_merge", ["organization_id"])
    op.create_index("ix_patient_merge_pair", "patient_merge", ["from_patient_id", "into_patient_id"])


def _aliases() -> None:
    op.create_table(
        "patient_alias",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.String(64), nullable=False),
        sa.Column("identifier", sa.String(64), nullable=False),
        sa.Column("family_name", sa.String(200), nullable=False),
        sa.Column("given_name", sa.String(200), nullable=False),
        sa.Column("name_local", sa.String(200), nullable=False),
        sa.Column("birth_date", sa.String(10), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("merge_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_patient_alias_organization_id_organization"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_patient_alias_patient_id_patient"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_patient_alias_person_id_person"),
        sa.ForeignKeyConstraint(["merge_id"], ["patient_merge.id"], name="fk_patient_alias_merge_id_patient_merge"),
        sa.PrimaryKeyConstraint("id", name="pk_patient_alias"),
    )  # fmt: skip
    op.create_index("ix_patient_alias_identifier", "patient_alias", ["identifier", "organization_id"])
    op.create_index("ix_patient_alias_patient_id", "patient_alias", ["patient_id"])


def downgrade() -> None:
    op.drop_table("patient_alias")
    op.drop_table("patient_merge")
    with op.batch_alter_table("patient_word") as word:
        word.drop_index("ix_patient_word_here")
        word.drop_constraint("fk_patient_word_organization_id_organization", type_="foreignkey")
        word.drop_column("organization_id")
    with op.batch_alter_table("patient") as patient:
        patient.drop_constraint("fk_patient_merged_into_id_patient", type_="foreignkey")
        patient.drop_column("merged_into_id")
