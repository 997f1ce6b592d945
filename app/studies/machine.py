"""The machine's own measurements of a case: listed from its structured reports, and accepted one by one."""

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access import scope
from app.access.actor import Actor, person_of
from app.db import new_id
from app.dicom import structured
from app.dicom.structured import MachineValue
from app.errors import Conflict, NotFound
from app.studies import measure
from app.studies.measurement import Measurement
from app.studies.models import Instance, InstanceHeader

KIND = "machine"


@dataclass(frozen=True)
class Line:
    """One number of the machine's, and what readers made of it."""

    instance_id: UUID  # of the report that says it
    said: MachineValue
    accepted: Measurement | None
    remeasured: list[Measurement]  # the same quantity, by a reader


def is_report(instance: Instance) -> bool:
    return instance.sop_class_uid.startswith(structured.STORAGE)


def lines(session: Session, actor: Actor, instances: Iterable[Instance]) -> list[Line]:
    """Of these instances, as far as they are reports of a machine; the marks are the actor's own organizations'."""
    ids = {one.id: one for one in instances}
    reports = [one for one in ids.values() if is_report(one)]
    if not reports:
        return []
    made = _made(session, actor, list(ids))
    accepted = {(one.instance_id, one.machine_key): one for one in made if one.kind == KIND}
    return [
        Line(report.id, said, accepted.get((report.id, said.key)), _same(said, made))
        for report in reports
        for said in _values(session, report.id)
    ]


def fetuses(session: Session, instances: Iterable[Instance]) -> set[str]:
    """By the names that the machine's reports give them."""
    reports = (one.id for one in instances if is_report(one))
    return {said.fetus.upper() for each in reports for said in _values(session, each) if said.fetus}


def accept(session: Session, actor: Actor, instance_id: UUID, key: str) -> Measurement:
    """It counts from now on, where the reader has not measured the same; twice is once."""
    instance = measure.image_for(session, actor, instance_id)
    if not is_report(instance):
        raise Conflict("This is no report of a machine.")
    said = next((one for one in _values(session, instance.id) if one.key == key), None)
    if said is None:
        raise NotFound
    organization_id = measure.for_whom(session, actor, instance)
    # Two presses at once wait for each other
    session.execute(sa.select(Instance.id).where(Instance.id == instance.id).with_for_update(key_share=True))
    before = session.scalars(
        sa.select(Measurement).where(
            Measurement.instance_id == instance.id, Measurement.organization_id == organization_id,
            Measurement.machine_key == key, Measurement.removed_at.is_(None),
        )
    ).first()  # fmt: skip
    if before is not None:
        return before
    return measure.keep(session, actor, instance, Measurement(
        id=new_id(), organization_id=organization_id, instance_id=instance.id, person_id=person_of(actor), frame=1,
        kind=KIND, points=[], machine_key=key, quantity=said.quantity[:60], fetus=said.fetus, side=said.side,
        site=said.site, text=said.name, value=said.value, unit=said.unit, reason="machine", more={}, choices=[],
    ))  # fmt: skip


def _values(session: Session, instance_id: UUID) -> list[MachineValue]:
    packed = session.scalar(sa.select(InstanceHeader.packed).where(InstanceHeader.id == instance_id))
    header = json.loads(zlib.decompress(packed)) if packed else {}
    return structured.values(header) if isinstance(header, dict) else []


def _made(session: Session, actor: Actor, instance_ids: Sequence[UUID]) -> list[Measurement]:
    return list(session.scalars(
        sa.select(Measurement)
        .where(Measurement.instance_id.in_(instance_ids), scope.visible(Measurement, actor),
               Measurement.removed_at.is_(None))
        .order_by(Measurement.id)
    ))  # fmt: skip


def _same(said: MachineValue, made: Sequence[Measurement]) -> list[Measurement]:
    """By a reader, of the same quantity; not of what says another fetus or side."""
    named = said.quantity.casefold()
    return [
        one
        for one in made
        if one.kind != KIND
        and one.quantity.strip().casefold() == named
        and _agree(one.fetus, said.fetus)
        and _agree(one.side, said.side)
    ]


def _agree(one: str, other: str) -> bool:
    return not one or not other or one.casefold() == other.casefold()
