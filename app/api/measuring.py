"""Measurements on a frame: made, listed with what the image can be measured by, and removed."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from app.api.schemas import Out
from app.audit import events
from app.db import reading, transaction
from app.dicom.areas import Area, Note
from app.dicom.measuring import REASONS
from app.http.actor import Acting
from app.http.idempotency import Once, once
from app.studies import machine, measure, pictures, read
from app.studies.machine import Line
from app.studies.measure import GivenMeasurement
from app.studies.measurement import Measurement
from app.studies.size import corresponds

router = APIRouter(tags=["measuring"])
PLAIN = ("id instance_id person_id frame kind points quantity fetus side site text cycles millimetres unit calibrated "
         "approximate confirmed_at region choices created_at").split()  # fmt: skip


class MeasurementOut(Out):
    id: UUID
    instance_id: UUID
    person_id: UUID
    frame: int = Field(examples=[1])
    kind: str = Field(examples=["length"])
    points: list[tuple[float, float]] = Field(examples=[[[212.0, 140.5], [212.0, 301.0]]])
    quantity: str = Field(examples=["CBD"])
    fetus: str = Field(examples=[""])
    side: str = Field(examples=[""])
    site: str = Field(examples=[""])
    text: str = Field(examples=[""])
    cycles: int | None = Field(examples=[None])
    millimetres: float | None = Field(examples=[None])
    value: float | None = Field(examples=[48.2], description="As the server found it, to four decimals")
    unit: str = Field(
        examples=["mm"], description="mm, cm2, deg, ms, cm/s or /min; px and px2 where nothing is calibrated"
    )
    calibrated: bool = Field(description="By an ultrasound region of the file")
    approximate: bool = Field(examples=[False], description="By the ruler on the screen: printed with '≈' for good")
    confirmed_at: datetime | None = Field(
        examples=[None], description="Of a nearly true one: when somebody confirmed it"
    )
    reason: str = Field(examples=[""], description="Why it is in pixels, as a sentence")
    reason_code: str = Field(examples=[""])
    region: int | None = Field(description="By which region, from 1")
    choices: list[int] = Field(
        examples=[[]], description="Regions here that disagree: send it again with one as `region`"
    )
    more: dict[str, dict[str, Any]] = Field(examples=[{}], description="What else the points tell: axes, circumference")
    corresponds_to: str | None = Field(
        examples=[None], description="Of a fetal size: the age that it has on average, such as 11w2d; it dates nothing"
    )
    corresponds_by: str = Field(examples=[""], description="The formula, by name")
    created_at: datetime

    @classmethod
    def of(cls, made: Measurement) -> Self:
        size = corresponds(made)
        plain = {name: getattr(made, name) for name in PLAIN}
        more = {name: {**one, "value": _rounded(one["value"])} for name, one in made.more.items()}
        return cls(
            **plain, value=_rounded(made.value), more=more, reason=REASONS.get(made.reason, ""), reason_code=made.reason,
            corresponds_to=size.words if size else None, corresponds_by=size.formula if size else "",
        )  # fmt: skip


class AreaOut(Out):
    """A region of the image, in its pixels, that a measurement may lie in."""

    number: int = Field(examples=[1])
    left: float = Field(examples=[0])
    top: float = Field(examples=[40])
    right: float = Field(examples=[800])
    bottom: float = Field(examples=[600])
    x_unit: str = Field(examples=["cm"])
    y_unit: str = Field(examples=["cm"])
    dx: float = Field(examples=[0.03])
    dy: float = Field(examples=[0.03])
    zero_y: float | None = Field(examples=[None], description="Where a velocity is 0")

    @classmethod
    def of(cls, area: Area) -> Self:
        return cls(**vars(area))


class NoteOut(Out):
    number: int = Field(examples=[2])
    reason: str = Field(
        examples=["frame"], description="frame: it leaves the image; delta, span, stretch: it cannot be true"
    )

    @classmethod
    def of(cls, note: Note) -> Self:
        return cls(**vars(note))


class MeasurementsOut(Out):
    columns: int = Field(examples=[800])
    rows: int = Field(examples=[600])
    areas: list[AreaOut] = Field(description="Regions that may be measured in")
    ignored: list[NoteOut] = Field(description="Regions of the file that cannot be true")
    mm_per_pixel: float | None = Field(
        examples=[None], description="By the ruler on the screen, where somebody marked it"
    )
    items: list[MeasurementOut] = Field(description="Your organization's own")


class MachineOut(Out):
    """A number of the machine's own report, which counts once it is accepted."""

    instance_id: UUID = Field(description="The report that says it")
    key: str = Field(examples=["1.3.2"], description="Its place in that report")
    name: str = Field(examples=["Biparietal Diameter"])
    code: str = Field(examples=["11820-8"])
    scheme: str = Field(examples=["LN"])
    quantity: str = Field(examples=["BPD"])
    value: float = Field(examples=[5.21])
    unit: str = Field(examples=["cm"], description="UCUM, as the machine says")
    section: str = Field(examples=["Fetal Biometry"])
    site: str = Field(examples=["Head"])
    side: str = Field(examples=[""])
    fetus: str = Field(examples=["A"])
    derivation: str = Field(examples=["Mean"])
    modifiers: str = Field(examples=[""], description="What else is said of the number itself: End Systole, 2D mode")
    sop_instance_uid: str = Field(
        examples=["2.25.198310928730958714"], description="Of the image that it was measured on"
    )
    frame: int | None = Field(examples=[1])
    accepted_id: UUID | None = Field(description="The measurement that it became")
    remeasured: list[MeasurementOut] = Field(examples=[[]], description="The same quantity, by a reader")

    @classmethod
    def of(cls, line: Line) -> Self:
        return cls(
            **vars(line.said), quantity=line.said.quantity, instance_id=line.instance_id,
            accepted_id=line.accepted.id if line.accepted else None,
            remeasured=[MeasurementOut.of(one) for one in line.remeasured],
        )  # fmt: skip


class MachineList(Out):
    items: list[MachineOut]


@router.get("/instances/{instance_id}/measurements", summary="What was measured on an image, and by what it can be")
def list_measurements(instance_id: UUID, who: Acting) -> MeasurementsOut:
    instance = pictures.instance_for(who, instance_id)
    with reading(who) as session:
        ground, notes, _scale = measure.ground_of(session, who, instance)
        made = measure.of_instance(session, who, instance)
    return MeasurementsOut(
        columns=instance.columns or 0, rows=instance.rows or 0, areas=[AreaOut.of(one) for one in ground.areas],
        ignored=[NoteOut.of(one) for one in notes], mm_per_pixel=ground.mm_per_pixel,
        items=[MeasurementOut.of(one) for one in made],
    )  # fmt: skip


@router.post("/instances/{instance_id}/measurements", status_code=201, summary="Measure on a frame")
def make_measurement(
    instance_id: UUID, given: GivenMeasurement, who: Acting, key: Once, response: Response
) -> MeasurementOut:
    """The value is found by the server: calibrated where all points lie in one region of the image, else in pixels,
    with the reason. A `value` that was shown and is not found here is a 422."""
    with transaction(who) as session:
        done = once(session, key)
        instance = measure.image_for(session, who, instance_id)
        if done.before:
            made = session.get_one(Measurement, done.resource_id)
        else:
            made = measure.measure(session, who, instance, given)
            done.keep(201, made.id)
    response.headers["Location"] = f"/api/v1/instances/{instance_id}/measurements/{made.id}"
    return MeasurementOut.of(made)


@router.get("/instances/{instance_id}/measurements/{measurement_id}", summary="One measurement")
def get_measurement(instance_id: UUID, measurement_id: UUID, who: Acting) -> MeasurementOut:
    with reading(who) as session:
        made = measure.one(session, who, measure.image_for(session, who, instance_id), measurement_id)
    return MeasurementOut.of(made)


@router.delete(
    "/instances/{instance_id}/measurements/{measurement_id}", status_code=204, summary="Remove a measurement"
)
def remove_measurement(instance_id: UUID, measurement_id: UUID, who: Acting) -> None:
    """It is shown no more, and kept in the record; twice is once."""
    with transaction(who) as session:
        measure.remove(session, who, measure.image_for(session, who, instance_id), measurement_id)


@router.post(
    "/instances/{instance_id}/measurements/{measurement_id}/confirm", summary="Confirm a nearly true number"
)  # fmt: skip
def confirm_measurement(instance_id: UUID, measurement_id: UUID, who: Acting, key: Once) -> MeasurementOut:
    """One that was made by the ruler on the screen; it stays '≈' for good. Twice is once."""
    with transaction(who) as session:
        done = once(session, key)
        made = measure.confirm(session, who, measure.image_for(session, who, instance_id), measurement_id)
        if not done.before:
            done.keep(200, made.id)
    return MeasurementOut.of(made)


@router.get("/studies/{study_id}/machine-measurements", summary="What the machine measured itself")
def list_machine_measurements(study_id: UUID, who: Acting) -> MachineList:
    """Of the study's structured reports (TID 5000, 5100, 5200), at most 2,000 of each."""
    with reading(who) as session:
        found = read.whole(session, who, study_id)
        lines = machine.lines(session, who, found.instances)
    study = found.line.study
    events.note_opening(who, "study.viewed", organization_id=study.organization_id, entity_id=study.id)
    return MachineList(items=[MachineOut.of(line) for line in lines])


@router.post(
    "/instances/{instance_id}/machine-measurements/{machine_key}/accept", status_code=201,
    summary="Accept a number of the machine's",
)  # fmt: skip
def accept_machine_measurement(instance_id: UUID, machine_key: str, who: Acting, key: Once) -> MeasurementOut:
    """From then on it is a measurement of your organization, of kind `machine`; twice is once."""
    with transaction(who) as session:
        done = once(session, key)
        if done.before:
            made = session.get_one(Measurement, done.resource_id)
        else:
            made = machine.accept(session, who, instance_id, machine_key)
            done.keep(201, made.id)
    return MeasurementOut.of(made)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
