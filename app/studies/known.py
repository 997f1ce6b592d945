"""What is already here, asked before bytes are stored a second time."""

from uuid import UUID

import sqlalchemy as sa

from app.access.actor import Actor
from app.db import reading
from app.studies.models import Instance

_DIGESTS = sa.select(Instance.sop_instance_uid, Instance.sha256).where(
    Instance.organization_id == sa.bindparam("organization"),
    Instance.sop_instance_uid.in_(sa.bindparam("uids", expanding=True)),
)


def same_bytes(actor: Actor, organization_id: UUID, sop_instance_uids: list[str]) -> dict[str, str]:
    """The digest of each of these instances that the organization has."""
    asked = {"organization": organization_id, "uids": sop_instance_uids}
    with reading(actor) as session:
        return {row.sop_instance_uid: row.sha256 for row in session.connection().execute(_DIGESTS, asked)}
