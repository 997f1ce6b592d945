"""The ground: every table of the first release."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261124_ground"
down_revision = None
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
# The same words as the queries, or the index is not used.
OPEN: dict[str, Any] = {
    where: sa.text("status IN ('requested', 'received', 'accepted', 'in-progress', 'on-hold')")
    for where in ("sqlite_where", "postgresql_where")
}
UNCLAIMED: dict[str, Any] = {
    where: sa.text("owner_id IS NULL AND status IN ('requested', 'received', 'accepted', 'in-progress', 'on-hold')")
    for where in ("sqlite_where", "postgresql_where")
}


def upgrade() -> None:
    for make in TABLES:
        make()


def downgrade() -> None:
    for make in reversed(TABLES):
        op.drop_table(make.__name__.removeprefix("create_"))


def create_audit_event() -> None:
    op.create_table(
        "audit_event",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("actor_kind", sa.String(length=10), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("organization_id", sa.Uuid(), nullable=True),
        sa.Column("entity_id", sa.Uuid(), nullable=True),
        sa.Column("referral_id", sa.Uuid(), nullable=True),
        sa.Column("detail", JSON, nullable=False),
        sa.Column("opening", sa.String(length=200), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_event"),
        sa.UniqueConstraint("opening", name="uq_audit_event_opening"),
    )
    op.create_index("ix_audit_event_entity", "audit_event", ["entity_id", "id"])
    op.create_index("ix_audit_event_organization", "audit_event", ["organization_id", "id"])


def create_idempotency_key() -> None:
    op.create_table(
        "idempotency_key",
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("method", sa.String(length=10), nullable=False),
        sa.Column("path", sa.String(length=300), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_idempotency_key"),
        sa.UniqueConstraint("actor_id", "key", name="uq_idempotency_key_actor_id_key"),
    )
    op.create_index("ix_idempotency_key_created_at", "idempotency_key", ["created_at"])


def create_organization() -> None:
    op.create_table(
        "organization",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("time_zone", sa.String(length=60), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_organization"),
    )


def create_person() -> None:
    op.create_table(
        "person",
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("totp_secret", sa.String(length=64), nullable=True),
        sa.Column("totp_last_step", sa.Integer(), nullable=True),
        sa.Column("language", sa.String(length=10), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
        sa.UniqueConstraint("email", name="uq_person_email"),
    )


def create_sign_in_try() -> None:
    op.create_table(
        "sign_in_try",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in_try"),
    )
    op.create_index("ix_sign_in_try_key", "sign_in_try", ["key", "at"])


def create_api_token() -> None:
    op.create_table(
        "api_token",
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.String(length=12), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("scopes", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_api_token_person_id_person"),
        sa.PrimaryKeyConstraint("id", name="pk_api_token"),
        sa.UniqueConstraint("secret_sha256", name="uq_api_token_secret_sha256"),
    )
    op.create_index("ix_api_token_person_id", "api_token", ["person_id"])


def create_blob() -> None:
    op.create_table(
        "blob",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_blob_organization_id_organization"),
        sa.PrimaryKeyConstraint("id", name="pk_blob"),
        sa.UniqueConstraint("key", name="uq_blob_key"),
    )
    op.create_index(
        "ix_blob_unsettled",
        "blob",
        ["created_at"],
        sqlite_where=sa.text("state != 'stored'"),
        postgresql_where=sa.text("state != 'stored'"),
    )


def create_link() -> None:
    op.create_table(
        "link",
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("role", sa.String(length=20), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("invited_by_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["invited_by_id"], ["person.id"], name="fk_link_invited_by_id_person"),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_link_organization_id_organization"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_link_person_id_person"),
        sa.PrimaryKeyConstraint("id", name="pk_link"),
        sa.UniqueConstraint("secret_sha256", name="uq_link_secret_sha256"),
    )


def create_membership() -> None:
    op.create_table(
        "membership",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_membership_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_membership_person_id_person"),
        sa.PrimaryKeyConstraint("id", name="pk_membership"),
        sa.UniqueConstraint(
            "person_id", "organization_id", "role", name="uq_membership_person_id_organization_id_role"
        ),
    )
    op.create_index("ix_membership_organization", "membership", ["organization_id", "role"])


def create_patient() -> None:
    op.create_table(
        "patient",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("identifier", sa.String(length=64), nullable=False),
        sa.Column("identifier_is_temporary", sa.Boolean(), nullable=False),
        sa.Column("family_name", sa.String(length=200), nullable=False),
        sa.Column("given_name", sa.String(length=200), nullable=False),
        sa.Column("name_local", sa.String(length=200), nullable=False),
        sa.Column("name_unknown", sa.Boolean(), nullable=False),
        sa.Column("name_key", sa.String(length=600), nullable=False),
        sa.Column("birth_date", sa.String(length=10), nullable=True),
        sa.Column("age_value", sa.Integer(), nullable=True),
        sa.Column("age_unit", sa.String(length=10), nullable=True),
        sa.Column("sex", sa.String(length=10), nullable=False),
        sa.Column("mother_patient_id", sa.Uuid(), nullable=True),
        sa.Column("birth_order", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["mother_patient_id"], ["patient.id"], name="fk_patient_mother_patient_id_patient"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_patient_organization_id_organization"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_patient"),
        sa.UniqueConstraint(
            "organization_id", "issuer", "identifier", name="uq_patient_organization_id_issuer_identifier"
        ),
    )
    op.create_index("ix_patient_identifier", "patient", ["identifier"])
    op.create_index("ix_patient_name", "patient", ["organization_id", "name_key"])


def create_reading_relation() -> None:
    op.create_table(
        "reading_relation",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("reading_organization_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_reading_relation_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(
            ["reading_organization_id"],
            ["organization.id"],
            name="fk_reading_relation_reading_organization_id_organization",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_reading_relation"),
        sa.UniqueConstraint(
            "organization_id",
            "reading_organization_id",
            name="uq_reading_relation_organization_id_reading_organization_id",
        ),
    )


def create_sign_in() -> None:
    op.create_table(
        "sign_in",
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("second_factor_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("second_factor_waived", sa.Boolean(), nullable=False),
        sa.Column("browser", sa.String(length=200), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_sign_in_person_id_person"),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in"),
        sa.UniqueConstraint("secret_sha256", name="uq_sign_in_secret_sha256"),
    )
    op.create_index("ix_sign_in_person_id", "sign_in", ["person_id"])


def create_patient_word() -> None:
    op.create_table(
        "patient_word",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column(
            "word",
            sa.String(length=600).with_variant(sa.String(length=600, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_patient_word_patient_id_patient"),
        sa.PrimaryKeyConstraint("id", name="pk_patient_word"),
        sa.UniqueConstraint("patient_id", "word", name="uq_patient_word_patient_id_word"),
    )
    op.create_index("ix_patient_word_word", "patient_word", ["word", "patient_id"])


def create_referral() -> None:
    op.create_table(
        "referral",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("reading_organization_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("exam_type", sa.String(length=30), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("clinical_notes", sa.Text(), nullable=False),
        sa.Column("priority", sa.String(length=10), nullable=False),
        sa.Column("patient_leaves_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("callback_name", sa.String(length=200), nullable=False),
        sa.Column("callback_phone", sa.String(length=50), nullable=False),
        sa.Column("obstetric", JSON, nullable=True),
        sa.Column("provisional_reading", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("accession_number", sa.String(length=16), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_reason", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["person.id"], name="fk_referral_author_id_person"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_referral_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_referral_patient_id_patient"),
        sa.ForeignKeyConstraint(
            ["reading_organization_id"], ["organization.id"], name="fk_referral_reading_organization_id_organization"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_referral"),
        sa.UniqueConstraint("code", name="uq_referral_code"),
        sa.UniqueConstraint("organization_id", "accession_number", name="uq_referral_organization_id_accession_number"),
    )
    op.create_index("ix_referral_patient", "referral", ["patient_id", "id"])
    op.create_index("ix_referral_read", "referral", ["reading_organization_id", "updated_at", "id"])
    op.create_index("ix_referral_recent", "referral", ["organization_id", "created_at", "id"])
    op.create_index("ix_referral_updated", "referral", ["organization_id", "updated_at", "id"])


def create_rendition() -> None:
    op.create_table(
        "rendition",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("frame", sa.Integer(), nullable=False),
        sa.Column("recipe", sa.Integer(), nullable=False),
        sa.Column("blob_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name="fk_rendition_blob_id_blob"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_rendition_organization_id_organization"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_rendition"),
        sa.UniqueConstraint("source_id", "kind", "frame", "recipe", name="uq_rendition_source_id_kind_frame_recipe"),
    )


def create_study() -> None:
    op.create_table(
        "study",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("accession_number", sa.String(length=64), nullable=False),
        sa.Column("study_date", sa.String(length=8), nullable=False),
        sa.Column("study_time", sa.String(length=16), nullable=False),
        sa.Column("study_description", sa.String(length=200), nullable=False),
        sa.Column("patient_name", sa.String(length=400), nullable=False),
        sa.Column("patient_identifier", sa.String(length=64), nullable=False),
        sa.Column("patient_issuer", sa.String(length=64), nullable=False),
        sa.Column("patient_birth_date", sa.String(length=8), nullable=False),
        sa.Column("patient_sex", sa.String(length=16), nullable=False),
        sa.Column("referring_physician_name", sa.String(length=400), nullable=False),
        sa.Column("dicom_study_id", sa.String(length=64), nullable=False),
        sa.Column("timezone_offset_from_utc", sa.String(length=5), nullable=False),
        sa.Column("content_version", sa.Integer(), nullable=False),
        sa.Column("settled_version", sa.Integer(), nullable=False),
        sa.Column("instance_count", sa.Integer(), nullable=False),
        sa.Column("clip_count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_study_organization_id_organization"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="fk_study_patient_id_patient"),
        sa.PrimaryKeyConstraint("id", name="pk_study"),
        sa.UniqueConstraint(
            "organization_id", "study_instance_uid", name="uq_study_organization_id_study_instance_uid"
        ),
    )
    op.create_index("ix_study_accession_number", "study", ["organization_id", "accession_number"])
    op.create_index("ix_study_date", "study", ["organization_id", "study_date", "id"])
    op.create_index("ix_study_newest", "study", ["organization_id", "id"])
    op.create_index("ix_study_patient", "study", ["patient_id", "id"])
    op.create_index("ix_study_patient_identifier", "study", ["organization_id", "patient_identifier", "id"])
    op.create_index("ix_study_uid", "study", ["study_instance_uid"])
    op.create_index(
        "ix_study_unsettled",
        "study",
        ["id"],
        sqlite_where=sa.text("content_version != settled_version"),
        postgresql_where=sa.text("content_version != settled_version"),
    )


def create_access_grant() -> None:
    op.create_table(
        "access_grant",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=True),
        sa.Column("study_id", sa.Uuid(), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_access_grant_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name="fk_access_grant_referral_id_referral"),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_access_grant_study_id_study"),
        sa.PrimaryKeyConstraint("id", name="pk_access_grant"),
    )
    op.create_index("ix_access_grant_organization", "access_grant", ["organization_id", "study_id"])
    op.create_index("ix_access_grant_referral", "access_grant", ["referral_id", "organization_id"])
    op.create_index("ix_access_grant_study", "access_grant", ["study_id", "organization_id"])


def create_document() -> None:
    op.create_table(
        "document",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=1000), nullable=False),
        sa.Column("blob_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("page_count", sa.Integer(), nullable=True),
        sa.Column("preview", sa.String(length=10), nullable=False),
        sa.Column("preview_reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name="fk_document_blob_id_blob"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_document_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name="fk_document_referral_id_referral"),
        sa.PrimaryKeyConstraint("id", name="pk_document"),
    )
    op.create_index("ix_document_referral_id", "document", ["referral_id"])


def create_external_identifier() -> None:
    op.create_table(
        "external_identifier",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("system", sa.String(length=200), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_external_identifier_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name="fk_external_identifier_referral_id_referral"),
        sa.PrimaryKeyConstraint("id", name="pk_external_identifier"),
        sa.UniqueConstraint(
            "organization_id", "system", "value", name="uq_external_identifier_organization_id_system_value"
        ),
    )
    op.create_index("ix_external_identifier_referral_id", "external_identifier", ["referral_id"])


def create_notification() -> None:
    op.create_table(
        "notification",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_status", sa.String(length=10), nullable=False),
        sa.Column("mail_reason", sa.String(length=200), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_notification_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_notification_person_id_person"),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name="fk_notification_referral_id_referral"),
        sa.PrimaryKeyConstraint("id", name="pk_notification"),
    )
    op.create_index("ix_notification_person", "notification", ["person_id", "id"])


def create_referral_study() -> None:
    op.create_table(
        "referral_study",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("study_id", sa.Uuid(), nullable=False),
        sa.Column("attached_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_referral_study_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name="fk_referral_study_referral_id_referral"),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_referral_study_study_id_study"),
        sa.PrimaryKeyConstraint("id", name="pk_referral_study"),
        sa.UniqueConstraint("referral_id", "study_id", name="uq_referral_study_referral_id_study_id"),
    )
    op.create_index("ix_referral_study_study_id", "referral_study", ["study_id"])


def create_review() -> None:
    op.create_table(
        "review",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("reading_organization_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("owned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_reason", sa.Text(), nullable=False),
        sa.Column("advice", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_review_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["person.id"], name="fk_review_owner_id_person"),
        sa.ForeignKeyConstraint(
            ["reading_organization_id"], ["organization.id"], name="fk_review_reading_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name="fk_review_referral_id_referral"),
        sa.PrimaryKeyConstraint("id", name="pk_review"),
    )
    op.create_index("ix_review_mine", "review", ["reading_organization_id", "owner_id", "due_at", "id"], **OPEN)
    op.create_index("ix_review_open", "review", ["reading_organization_id", "due_at", "id"], **OPEN)
    op.create_index(
        "ix_review_open_site", "review", ["reading_organization_id", "organization_id", "due_at", "id"], **OPEN
    )
    op.create_index("ix_review_owner", "review", ["owner_id", "status", "due_at", "id"])
    op.create_index("ix_review_referral_id", "review", ["referral_id"])
    op.create_index("ix_review_status", "review", ["reading_organization_id", "status", "due_at", "id"])
    op.create_index("ix_review_unclaimed", "review", ["reading_organization_id", "due_at", "id"], **UNCLAIMED)


def create_revision() -> None:
    op.create_table(
        "revision",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changes", JSON, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_revision_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_revision_person_id_person"),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name="fk_revision_referral_id_referral"),
        sa.PrimaryKeyConstraint("id", name="pk_revision"),
    )
    op.create_index("ix_revision_referral_id", "revision", ["referral_id"])


def create_series() -> None:
    op.create_table(
        "series",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("study_id", sa.Uuid(), nullable=False),
        sa.Column("series_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("modality", sa.String(length=16), nullable=False),
        sa.Column("series_number", sa.BigInteger(), nullable=True),
        sa.Column("series_description", sa.String(length=200), nullable=False),
        sa.Column("performed_start_date", sa.String(length=8), nullable=False),
        sa.Column("performed_start_time", sa.String(length=16), nullable=False),
        sa.Column("scheduled_step_id", sa.String(length=64), nullable=False),
        sa.Column("requested_procedure_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_series_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_series_study_id_study"),
        sa.PrimaryKeyConstraint("id", name="pk_series"),
        sa.UniqueConstraint("study_id", "series_instance_uid", name="uq_series_study_id_series_instance_uid"),
    )
    op.create_index("ix_series_uid", "series", ["series_instance_uid"])


def create_study_name() -> None:
    op.create_table(
        "study_name",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("study_id", sa.Uuid(), nullable=False),
        sa.Column("is_word", sa.Boolean(), nullable=False),
        sa.Column(
            "name",
            sa.String(length=400).with_variant(sa.String(length=400, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_study_name_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_study_name_study_id_study"),
        sa.PrimaryKeyConstraint("id", name="pk_study_name"),
        sa.UniqueConstraint("study_id", "is_word", "name", name="uq_study_name_study_id_is_word_name"),
    )
    op.create_index("ix_study_name_name", "study_name", ["organization_id", "is_word", "name", "study_id"])


def create_instance() -> None:
    op.create_table(
        "instance",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("study_id", sa.Uuid(), nullable=False),
        sa.Column("series_id", sa.Uuid(), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("sop_class_uid", sa.String(length=64), nullable=False),
        sa.Column("instance_number", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("blob_id", sa.Uuid(), nullable=False),
        sa.Column("dicom_blob_id", sa.Uuid(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("transfer_syntax_uid", sa.String(length=64), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("columns", sa.Integer(), nullable=True),
        sa.Column("bits_allocated", sa.Integer(), nullable=True),
        sa.Column("number_of_frames", sa.Integer(), nullable=False),
        sa.Column("frame_time_ms", sa.Double(), nullable=True),
        sa.Column("is_clip", sa.Boolean(), nullable=False),
        sa.Column("acquired", sa.String(length=32), nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("preview", sa.String(length=10), nullable=False),
        sa.Column("preview_reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name="fk_instance_blob_id_blob"),
        sa.ForeignKeyConstraint(["dicom_blob_id"], ["blob.id"], name="fk_instance_dicom_blob_id_blob"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_instance_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name="fk_instance_series_id_series"),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_instance_study_id_study"),
        sa.PrimaryKeyConstraint("id", name="pk_instance"),
        sa.UniqueConstraint("organization_id", "sop_instance_uid", name="uq_instance_organization_id_sop_instance_uid"),
    )
    op.create_index("ix_instance_series", "instance", ["series_id", "dicom_blob_id", "id"])
    op.create_index("ix_instance_study", "instance", ["study_id", "id"])


def create_message() -> None:
    op.create_table(
        "message",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("file_ids", JSON, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_message_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_message_person_id_person"),
        sa.ForeignKeyConstraint(["review_id"], ["review.id"], name="fk_message_review_id_review"),
        sa.PrimaryKeyConstraint("id", name="pk_message"),
    )
    op.create_index("ix_message_review_id", "message", ["review_id"])


def create_report() -> None:
    op.create_table(
        "report",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("reading_organization_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_report_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(
            ["reading_organization_id"], ["organization.id"], name="fk_report_reading_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name="fk_report_referral_id_referral"),
        sa.ForeignKeyConstraint(["review_id"], ["review.id"], name="fk_report_review_id_review"),
        sa.PrimaryKeyConstraint("id", name="pk_report"),
        sa.UniqueConstraint("review_id", name="uq_report_review_id"),
    )
    op.create_index("ix_report_referral_id", "report", ["referral_id"])
    op.create_index("ix_report_signed", "report", ["organization_id", "signed_at", "id"])
    op.create_index("ix_report_signed_here", "report", ["reading_organization_id", "signed_at", "id"])


def create_instance_conflict() -> None:
    op.create_table(
        "instance_conflict",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("instance_id", sa.Uuid(), nullable=False),
        sa.Column("blob_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name="fk_instance_conflict_blob_id_blob"),
        sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name="fk_instance_conflict_instance_id_instance"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_instance_conflict_organization_id_organization"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_instance_conflict"),
        sa.UniqueConstraint("instance_id", "sha256", name="uq_instance_conflict_instance_id_sha256"),
    )


def create_instance_header() -> None:
    op.create_table(
        "instance_header",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.Column("bulk", JSON, nullable=False),
        sa.Column("facts", JSON, nullable=True),
        sa.ForeignKeyConstraint(["id"], ["instance.id"], name="fk_instance_header_id_instance"),
        sa.PrimaryKeyConstraint("id", name="pk_instance_header"),
    )


def create_manifest_item() -> None:
    op.create_table(
        "manifest_item",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("archive_id", sa.Uuid(), nullable=True),
        sa.Column("is_archive", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(length=1000), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=True),
        sa.Column("status", sa.String(length=15), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("identity", JSON, nullable=True),
        sa.Column("facts", JSON, nullable=True),
        sa.Column("blob_id", sa.Uuid(), nullable=True),
        sa.Column("instance_id", sa.Uuid(), nullable=True),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["archive_id"], ["manifest_item.id"], name="fk_manifest_item_archive_id_manifest_item"),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name="fk_manifest_item_blob_id_blob"),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name="fk_manifest_item_document_id_document"),
        sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name="fk_manifest_item_instance_id_instance"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_manifest_item_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name="fk_manifest_item_referral_id_referral"),
        sa.PrimaryKeyConstraint("id", name="pk_manifest_item"),
    )
    op.create_index("ix_manifest_item_digest", "manifest_item", ["referral_id", "sha256"])
    op.create_index("ix_manifest_item_referral", "manifest_item", ["referral_id", "id"])


def create_report_version() -> None:
    op.create_table(
        "report_version",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("impression", sa.Text(), nullable=False),
        sa.Column("recommendation", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("images", JSON, nullable=False),
        sa.Column("images_sha256", sa.String(length=64), nullable=False),
        sa.Column("canonical", sa.Text(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["person.id"], name="fk_report_version_author_id_person"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_report_version_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["report_id"], ["report.id"], name="fk_report_version_report_id_report"),
        sa.PrimaryKeyConstraint("id", name="pk_report_version"),
        sa.UniqueConstraint("report_id", "version", name="uq_report_version_report_id_version"),
    )


def create_acknowledgement() -> None:
    op.create_table(
        "acknowledgement",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("report_version_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_acknowledgement_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_acknowledgement_person_id_person"),
        sa.ForeignKeyConstraint(
            ["report_version_id"], ["report_version.id"], name="fk_acknowledgement_report_version_id_report_version"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_acknowledgement"),
        sa.UniqueConstraint("report_version_id", "person_id", name="uq_acknowledgement_report_version_id_person_id"),
    )


def create_signature() -> None:
    op.create_table(
        "signature",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("report_version_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("printed_name", sa.String(length=200), nullable=False),
        sa.Column("meaning", sa.String(length=100), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_signature_organization_id_organization"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_signature_person_id_person"),
        sa.ForeignKeyConstraint(
            ["report_version_id"], ["report_version.id"], name="fk_signature_report_version_id_report_version"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_signature"),
        sa.UniqueConstraint("report_version_id", name="uq_signature_report_version_id"),
    )


TABLES = (
    create_audit_event,
    create_idempotency_key,
    create_organization,
    create_person,
    create_sign_in_try,
    create_api_token,
    create_blob,
    create_link,
    create_membership,
    create_patient,
    create_reading_relation,
    create_sign_in,
    create_patient_word,
    create_referral,
    create_rendition,
    create_study,
    create_access_grant,
    create_document,
    create_external_identifier,
    create_notification,
    create_referral_study,
    create_review,
    create_revision,
    create_series,
    create_study_name,
    create_instance,
    create_message,
    create_report,
    create_instance_conflict,
    create_instance_header,
    create_manifest_item,
    create_report_version,
    create_acknowledgement,
    create_signature,
)
