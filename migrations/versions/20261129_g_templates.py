"""A report may be ticked in a template, of which organizations keep their own versions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261129_g_templates"
down_revision = "20261129_f_day"
branch_labels = None
depends_on = None
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    create_report_template()
    create_macro()
    with op.batch_alter_table("report_version") as version:
        version.add_column(sa.Column("template_id", sa.Uuid(), nullable=True))
        version.add_column(sa.Column("answers", JSON, nullable=False, server_default=sa.text("'{}'")))
        version.add_column(sa.Column("form", JSON, nullable=True))
        version.add_column(sa.Column("key_images", JSON, nullable=False, server_default=sa.text("'[]'")))
        version.create_foreign_key(
            "fk_report_version_template_id_report_template", "report_template", ["template_id"], ["id"]
        )


def create_report_template() -> None:
    op.create_table(
        "report_template",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("is_own", sa.Boolean(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("body", JSON, nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_report_template_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_report_template_person_id_person"),
        sa.PrimaryKeyConstraint("id", name="pk_report_template"),
        sa.UniqueConstraint(
            "organization_id", "code", "is_own", "version", "sha256",
            name="uq_report_template_organization_id_code_is_own_version_sha256",
        ),
    )  # fmt: skip


def create_macro() -> None:
    op.create_table(
        "macro",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("word", sa.String(length=30), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_macro_organization_id_organization"),
        sa.PrimaryKeyConstraint("id", name="pk_macro"),
        sa.UniqueConstraint("owner_id", "word", name="uq_macro_owner_id_word"),
    )


def downgrade() -> None:
    op.drop_table("macro")
    with op.batch_alter_table("report_version") as version:
        version.drop_constraint("fk_report_version_template_id_report_template", type_="foreignkey")
        for name in ("key_images", "form", "answers", "template_id"):
            version.drop_column(name)
    op.drop_table("report_template")
