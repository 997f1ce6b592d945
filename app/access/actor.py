"""Actor: who acts in this call, as member of which organizations, in which roles."""

from dataclasses import dataclass, field
from uuid import UUID

from app.errors import Conflict, Forbidden, NotFound
from app.people.models import Role

# Offices without a clinical part: they administer, and see no patient.
CLINICAL = frozenset({Role.REFERRER, Role.REVIEWER, Role.COORDINATOR, Role.SUPERVISOR, Role.QA_LEAD})
READERS = frozenset({Role.REVIEWER, Role.SUPERVISOR})

# act -> the roles that may do it, in the organization whose act it is.
RIGHTS: dict[str, frozenset[Role]] = {
    "referral.place": frozenset({Role.REFERRER, Role.COORDINATOR}),
    "referral.send": frozenset({Role.REFERRER, Role.COORDINATOR}),  # files, submit, cancel, reply, acknowledge
    "review.list": frozenset({Role.REVIEWER, Role.SUPERVISOR, Role.COORDINATOR, Role.QA_LEAD}),
    "review.read": READERS,  # claim, release, hold, write, decline
    "review.assign": frozenset({Role.COORDINATOR, Role.SUPERVISOR}),
    "report.sign": READERS,
    "report.template": frozenset({Role.ADMIN, Role.SUPERVISOR}),  # what the organization's reports ask for
    "report.countersign": frozenset({Role.SUPERVISOR}),
    "critical.raise": READERS,
    "critical.communicate": READERS | {Role.COORDINATOR},  # whoever takes the telephone
    "patient.merge": frozenset({Role.COORDINATOR}),
    "attention.own": frozenset({Role.COORDINATOR, Role.ADMIN}),  # what one's own organization has to settle
    "turnaround.see": frozenset({Role.COORDINATOR, Role.SUPERVISOR, Role.QA_LEAD, Role.ADMIN}),
    "feedback.see": frozenset({Role.SUPERVISOR, Role.QA_LEAD}),  # what readers said of other people's scans
    "study.measure": READERS | {Role.REFERRER},  # the operator too; each organization sees its own
    "pregnancy.date": READERS | {Role.REFERRER},
    "organization.administer": frozenset({Role.ADMIN}),
    "audit.read": frozenset({Role.ADMIN, Role.PRIVACY_OFFICER}),
}


@dataclass(frozen=True)
class Member:
    organization_id: UUID
    role: Role


@dataclass(frozen=True)
class Actor:
    """A person (by browser or token) in their memberships, or the service's own worker."""

    kind: str  # person, token, worker, operator, nobody
    person_id: UUID | None = None
    name: str = ""
    members: tuple[Member, ...] = ()
    scopes: frozenset[str] = field(default_factory=frozenset)  # of a token: read, write
    sign_in_id: UUID | None = None
    language: str = ""  # as the person chose; empty leaves it to their browser
    needs_second_factor: bool = False  # may do nothing yet but set one up

    @property
    def organization_ids(self) -> tuple[UUID, ...]:
        """Whose patients this actor may see."""
        return tuple(sorted({m.organization_id for m in self.members if m.role in CLINICAL}))

    def organizations_for(self, act: str) -> tuple[UUID, ...]:
        """The organizations in which this actor may do `act`."""
        return tuple(sorted({m.organization_id for m in self.members if m.role in RIGHTS[act]}))

    def may(self, act: str, organization_id: UUID) -> bool:
        return organization_id in self.organizations_for(act)


WORKER = Actor(kind="worker")
OPERATOR = Actor(kind="operator")  # whoever may run `sonopost` on the machine
NOBODY = Actor(kind="nobody")  # a visitor who has not said who they are


def require(actor: Actor, act: str, organization_id: UUID) -> None:
    """Refuse unless the actor's role in that organization allows the act."""
    if actor.may(act, organization_id):
        return
    if any(m.organization_id == organization_id for m in actor.members):
        raise Forbidden("Your role here does not allow this.")
    raise NotFound


def require_member(actor: Actor, organization_id: UUID) -> None:
    """In whatever role; what is another organization's does not exist."""
    if organization_id not in {member.organization_id for member in actor.members}:
        raise NotFound


def sends_for(actor: Actor, wanted: UUID | None, ask: str) -> UUID:
    """Into whose archive something is sent: the actor's own organization; `ask` is said to one who sends for several."""
    if wanted is not None:
        require(actor, "referral.send", wanted)
        return wanted
    mine = actor.organizations_for("referral.send")
    if not mine:
        raise Forbidden("Your role here does not allow this.")
    if len(mine) > 1:
        raise Conflict(ask, organizations=mine)
    return mine[0]


def person_here(actor: Actor) -> UUID:
    """The acting person, not a token of theirs: for how one gets in, which a stolen token must not change."""
    if actor.kind == "token":
        raise Forbidden("A token cannot do this. Sign in for that.")
    return person_of(actor)


def person_of(actor: Actor) -> UUID:
    """The acting person; what only people do is refused to the worker."""
    if actor.person_id is None:
        raise Forbidden("Only a person can do this.")
    return actor.person_id
