"""Measure on a frame of an instance: the server finds every value itself, by points and region."""

import math
from dataclasses import asdict
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.orm import Session, undefer

from app.access import scope
from app.access.actor import Actor, person_of
from app.access.models import Grant
from app.audit import events
from app.config import settings
from app.db import new_id, now
from app.dicom import measuring
from app.dicom.areas import Note, areas
from app.dicom.facts import Facts
from app.dicom.measuring import Ground, Measured
from app.errors import Conflict, Forbidden, Invalid, NotFound, Sentence, TooLarge
from app.referrals.given import Text
from app.studies.images import seen
from app.studies.measurement import Measurement
from app.studies.models import Instance

Kind = Literal["length", "ellipse", "area", "angle", "heart-rate", "velocity", "time", "text", "arrow", "scale"]
Coordinate = Annotated[float, Field(ge=-100_000, le=100_000, allow_inf_nan=False)]
Short = Annotated[str, Field(max_length=60, pattern=r"^[^\x00-\x1f]*$")]
SAME = 1e-4  # a value that was shown and the one found here: rounding apart, one


class GivenMeasurement(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {
        "frame": 1, "kind": "length", "points": [[212.0, 140.5], [212.0, 301.0]], "quantity": "CBD",
    }})  # fmt: skip

    frame: int = Field(1, ge=1)
    kind: Kind
    points: list[tuple[Coordinate, Coordinate]] = Field(
        min_length=1, max_length=300, description="In pixels of the image; of an ellipse the ends of both axes"
    )
    quantity: Short = Field("", description="What is measured: CRL, BPD, HC, CBD, …")
    fetus: Annotated[str, Field(max_length=10, pattern=r"^[^\x00-\x1f]*$")] = Field(
        "", description="Which of several: A, B, 1, 2, as the machine calls it"
    )
    side: Literal["", "left", "right", "both"] = ""
    site: Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f]*$")] = ""
    cycles: int | None = Field(None, ge=1, le=20, description="Of a heart rate: how many beats lie between the points")
    region: int | None = Field(None, ge=1, le=64, description="Which one, where regions disagree")
    text: Text = Field("", max_length=200)
    millimetres: float | None = Field(None, gt=0, le=500, allow_inf_nan=False, description="Of a scale: its length")
    value: float | None = Field(
        None, allow_inf_nan=False, description="As it was shown: 422 when it is not found so here"
    )
    unit: str | None = Field(None, max_length=10)

    @model_validator(mode="after")
    def _is_whole(self) -> "GivenMeasurement":
        if self.kind == "heart-rate" and self.cycles is None:
            raise ValueError("A heart rate names the number of cycles measured.")
        if self.kind == "scale" and self.millimetres is None:
            raise ValueError("A scale says how many millimetres lie between its points.")
        if self.kind == "text" and not self.text:
            raise ValueError("Write the text.")
        return self


def image_for(session: Session, actor: Actor, instance_id: UUID) -> Instance:
    return seen(session, actor, Instance, instance_id, undefer(Instance.facts))


def ground_of(session: Session, actor: Actor, instance: Instance) -> tuple[Ground, list[Note], Measurement | None]:
    """What is known of the picture, the regions that are ignored, and the ruler that somebody laid on it."""
    columns, rows, facts = instance.columns or 0, instance.rows or 0, Facts.from_json(instance.facts)
    is_wrapped = instance.dicom_blob_id is not None  # then they are those of its encoding, as it is shown
    if instance.kind in ("jpeg", "png") and facts.orientation is None and not is_wrapped:
        columns = rows = max(columns, rows)  # it came before that was looked at, and may be shown turned
    found, notes = areas(facts.regions, columns, rows)
    mine = [one for one in of_instance(session, actor, instance) if one.kind == "scale"] if not found else []
    scale = mine[-1] if mine else None
    length = math.dist(*scale.points) if scale else 0.0
    ruler = scale.millimetres / length if scale and scale.millimetres and length else None
    return Ground(columns, rows, found, ruler), notes, scale


def of_instance(session: Session, actor: Actor, instance: Instance) -> list[Measurement]:
    """Those of the actor's own organizations, as they were made."""
    return list(session.scalars(
        sa.select(Measurement)
        .where(Measurement.instance_id == instance.id, scope.visible(Measurement, actor), Measurement.removed_at.is_(None))
        .order_by(Measurement.id)
    ))  # fmt: skip


def measure(session: Session, actor: Actor, instance: Instance, given: GivenMeasurement) -> Measurement:
    organization_id = for_whom(session, actor, instance)
    _refuse_unmeasurable(instance, given)
    ground, _notes, scale = ground_of(session, actor, instance)
    if given.kind == "scale" and ground.areas:
        raise Conflict("This image has its own calibration.", calibrated=True)
    found = measuring.measured(
        ground, given.kind, given.points, quantity=given.quantity, cycles=given.cycles or 1, region=given.region
    )
    _compare(given, found)
    made = Measurement(
        id=new_id(), organization_id=organization_id, instance_id=instance.id, person_id=person_of(actor),
        points=[list(point) for point in given.points], scale_id=scale.id if scale and found.approximate else None,
        **given.model_dump(exclude={"points", "value", "unit", "region"}), **_columns(found),
    )  # fmt: skip
    if given.kind == "scale":
        made.value, made.unit = given.millimetres, "mm"
    return keep(session, actor, instance, made)


def keep(session: Session, actor: Actor, instance: Instance, made: Measurement) -> Measurement:
    of_it = sa.select(sa.func.count()).select_from(Measurement).where(
        Measurement.instance_id == instance.id, Measurement.organization_id == made.organization_id
    )  # fmt: skip
    if (session.scalar(of_it) or 0) >= settings().max_measurements:
        raise TooLarge("There are too many measurements on this image.", limit=settings().max_measurements)
    session.add(made)
    session.flush()
    events.record(session, actor, "measurement.made", organization_id=instance.organization_id, entity_id=made.id,
                  instance_id=str(instance.id), frame=made.frame, kind=made.kind)  # fmt: skip
    return made


def one(session: Session, actor: Actor, instance: Instance, measurement_id: UUID, *, lock: bool = False) -> Measurement:
    """Also when it is removed: it is kept."""
    made = scope.get(session, Measurement, measurement_id, actor, lock=lock)
    if made.instance_id != instance.id:
        raise NotFound
    return made


def remove(session: Session, actor: Actor, instance: Instance, measurement_id: UUID) -> None:
    """Taken away from what is shown, and kept; removing it twice is once."""
    made = one(session, actor, instance, measurement_id, lock=True)
    if made.organization_id not in actor.organizations_for("study.measure"):
        raise Forbidden("Your role here does not allow this.")
    if made.removed_at is not None:
        return
    resting = sa.select(Measurement.id).where(
        Measurement.instance_id == instance.id, Measurement.scale_id == made.id, Measurement.removed_at.is_(None)
    )  # fmt: skip
    if made.kind == "scale" and session.scalar(resting.limit(1)) is not None:
        raise Conflict("Measurements rest on this scale. Remove them first.")
    made.removed_at, made.removed_by_id = now(), person_of(actor)
    events.record(session, actor, "measurement.removed", organization_id=instance.organization_id, entity_id=made.id,
                  instance_id=str(instance.id), frame=made.frame, kind=made.kind)  # fmt: skip


def confirm(session: Session, actor: Actor, instance: Instance, measurement_id: UUID) -> Measurement:
    """Somebody takes a nearly true number for age, weight and guarded sentences; it stays “≈”. Twice is once."""
    made = one(session, actor, instance, measurement_id, lock=True)
    if made.organization_id not in actor.organizations_for("study.measure"):
        raise Forbidden("Your role here does not allow this.")
    if not made.approximate or made.kind == "scale" or made.removed_at is not None:
        raise Conflict("Only a measurement by the ruler on the screen is confirmed.")
    if made.confirmed_at is None:
        made.confirmed_at, made.confirmed_by_id = now(), person_of(actor)
        events.record(session, actor, "measurement.confirmed", organization_id=instance.organization_id, entity_id=made.id,
                      instance_id=str(instance.id), frame=made.frame, kind=made.kind)  # fmt: skip
    return made


def for_whom(session: Session, actor: Actor, instance: Instance) -> UUID:
    """The organization in which the actor measures: as a reader where the images were shown to it, else their own."""
    mine = actor.organizations_for("study.measure")
    if not mine:
        raise Forbidden("Your role here does not allow this.")
    shown = sa.select(Grant.organization_id).where(
        Grant.study_id == instance.study_id, Grant.organization_id.in_(mine), scope.holds()
    )  # fmt: skip
    found: list[UUID] = sorted({*session.scalars(shown), *(each for each in mine if each == instance.organization_id)})
    if not found:
        raise Forbidden("Your role here does not allow this.")
    reads = [each for each in found if actor.may("review.read", each)]
    return (reads or found)[0]


def _refuse_unmeasurable(instance: Instance, given: GivenMeasurement) -> None:
    if instance.preview == "none" or instance.kind == "pdf":
        raise Conflict("There is no picture to measure on.", preview=instance.preview)
    if not instance.columns or not instance.rows:
        raise Conflict("This clip is being prepared.", preview=instance.preview)
    if given.frame > instance.number_of_frames:
        raise Invalid(Sentence("There are {n} frames.", n=instance.number_of_frames), field="frame")


def _compare(given: GivenMeasurement, found: Measured) -> None:
    """A number that was shown and is not found here is kept nowhere."""
    if given.value is None and given.unit is None:
        return
    value = given.millimetres if given.kind == "scale" else found.value
    unit = "mm" if given.kind == "scale" else found.unit
    is_same = (
        given.value is not None and value is not None and math.isclose(given.value, value, rel_tol=SAME, abs_tol=SAME)
    )
    if not is_same or (given.unit is not None and given.unit != unit):
        raise Invalid("The server finds another value for these points.", field="value", value=value, unit=unit)


def _columns(found: Measured) -> dict[str, Any]:
    plain = ("value", "unit", "calibrated", "reason", "region", "approximate")
    more = {name: asdict(each) for name, each in found.more.items()}
    return {**{name: getattr(found, name) for name in plain}, "more": more, "choices": list(found.choices)}
