"""What is already here of what arrives, by its SOP Instance UID."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.db import reading
from app.studies.models import Instance

_BY_UID = sa.select(Instance.sop_instance_uid, Instance.id, Instance.study_id, Instance.sha256).where(
    Instance.organization_id == sa.bindparam("organization"),
    Instance.sop_instance_uid.in_(sa.bindparam("uids", expanding=True)),
)


def by_uid(session: Session, organization_id: UUID, uids: list[str]) -> dict[str, Any]:
    """Id, study and digest of each of these instances that the organization has."""
    asked = {"organization": organization_id, "uids": uids}
    return {row.sop_instance_uid: row for row in session.connection().execute(_BY_UID, asked)}


def same_bytes(actor: Actor, organization_id: UUID, sop_instance_uids: list[str]) -> dict[str, str]:
    """Their digests, asked before bytes are stored a second time."""
    with reading(actor) as session:
        return {uid: row.sha256 for uid, row in by_uid(session, organization_id, sop_instance_uids).items()}
