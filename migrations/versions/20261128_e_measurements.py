"""Measurements are kept with what the server found; an earlier case is seen while a review is open."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261128_e_measurements"
down_revision = "20261128_d_uploads"
branch_labels = None
depends_on = None
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    create_measurement()
    create_image_seen()
    with op.batch_alter_table("access_grant") as grant:
        grant.add_column(sa.Column("review_id", sa.Uuid(), nullable=True))
        grant.create_foreign_key("fk_access_grant_review_id_review", "review", ["review_id"], ["id"])
        grant.create_index("ix_access_grant_review", ["review_id"])


def create_measurement() -> None:
    op.create_table(
        "measurement",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("frame", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("points", JSON, nullable=False),
        sa.Column("quantity", sa.String(length=60), nullable=False),
        sa.Column("fetus", sa.String(length=10), nullable=False),
        sa.Column("side", sa.String(length=10), nullable=False),
        sa.Column("site", sa.String(length=100), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("cycles", sa.Integer(), nullable=True),
        sa.Column("millimetres", sa.Double(), nullable=True),
        sa.Column("scale_id", sa.Uuid(), nullable=True),
        sa.Column("machine_key", sa.String(length=200), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("unit", sa.String(length=30), nullable=False),
        sa.Column("calibrated", sa.Boolean(), nullable=False),
        sa.Column("approximate", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("region", sa.Integer(), nullable=True),
        sa.Column("more", JSON, nullable=False),
        sa.Column("choices", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name="fk_measurement_instance_id_instance"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_measurement_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_measurement_person_id_person"),
        sa.ForeignKeyConstraint(["removed_by_id"], ["person.id"], name="fk_measurement_removed_by_id_person"),
        sa.ForeignKeyConstraint(["scale_id"], ["measurement.id"], name="fk_measurement_scale_id_measurement"),
        sa.PrimaryKeyConstraint("id", name="pk_measurement"),
    )
    op.create_index("ix_measurement_instance", "measurement", ["instance_id", "organization_id", "id"])


def create_image_seen() -> None:
    op.create_table(
        "image_seen",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=50), nullable=False),
        sa.Column("how", sa.String(length=10), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_image_seen_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_image_seen_person_id_person"),
        sa.ForeignKeyConstraint(["review_id"], ["review.id"], name="fk_image_seen_review_id_review"),
        sa.PrimaryKeyConstraint("id", name="pk_image_seen"),
        sa.UniqueConstraint("review_id", "person_id", "key", name="uq_image_seen_review_id_person_id_key"),
    )


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM access_grant WHERE review_id IS NOT NULL"))  # else they would last for ever
    with op.batch_alter_table("access_grant") as grant:
        grant.drop_index("ix_access_grant_review")
        grant.drop_constraint("fk_access_grant_review_id_review", type_="foreignkey")
        grant.drop_column("review_id")
    op.drop_table("image_seen")
    op.drop_table("measurement")
