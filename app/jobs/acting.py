"""Who acts when a job is queued by the service itself; `access` and its WORKER lie above this folder."""

from uuid import UUID


class _Service:
    kind = "worker"
    person_id: UUID | None = None
    organization_ids: tuple[UUID, ...] = ()


SERVICE = _Service()
