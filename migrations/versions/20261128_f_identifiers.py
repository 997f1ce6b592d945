"""A patient's identifier finds studies whosever they are, not only within one organization."""

from alembic import op

revision = "20261128_f_identifiers"
down_revision = "20261128_e_measurements"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_study_patient_identifier", "study")
    op.create_index("ix_study_patient_identifier", "study", ["patient_identifier", "organization_id", "id"])


def downgrade() -> None:
    op.drop_index("ix_study_patient_identifier", "study")
    op.create_index("ix_study_patient_identifier", "study", ["organization_id", "patient_identifier", "id"])
