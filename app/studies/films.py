"""Clips as films that browsers play, at the recorded rate, each with its poster."""

from typing import Any

from app.access.actor import Actor
from app.config import settings
from app.dicom.facts import Facts
from app.errors import NotFound
from app.storage.blobs import Blob, read_ranges
from app.storage.spool import measured, place_for_output
from app.studies import decoding
from app.studies.models import Instance
from app.studies.pictures import RECIPE, being_prepared, refuse_unseeable
from app.studies.renditions import Made, Wanted, as_file, keep, kept


def proxy(actor: Actor, instance: Instance) -> Blob:
    """The film, which the study's settling makes; Unavailable until it has."""
    if not instance.is_clip:
        raise NotFound
    refuse_unseeable(instance)
    blob = kept(actor, Wanted(instance.organization_id, instance.id, "proxy", 0, RECIPE))
    if blob is None:
        raise being_prepared(actor, instance)
    return blob


def make(actor: Actor, instance: Instance) -> dict[str, int]:
    """Make and keep film and poster of a clip, once; its rows, columns and number of frames."""
    wanted = Wanted(instance.organization_id, instance.id, "proxy", 0, RECIPE)
    if kept(actor, wanted) is not None:
        return {}
    with as_file(instance.blob) as path, place_for_output() as output:
        answer = _made(instance, str(path), str(output))
        poster = Wanted(instance.organization_id, instance.id, "poster", 0, RECIPE)
        keep(actor, poster, Made(answer["poster"], answer["poster_media_type"]))
        keep(actor, wanted, Made(measured(output), answer["media_type"]))
    return {name: answer[name] for name in ("rows", "columns")} | {"number_of_frames": answer["frames"]}


def of_mp4(path: str, output: str, wait_s: float) -> dict[str, Any]:
    pool = decoding.pool()
    frames = pool.run("probe", wait_s=wait_s, path=path)["frames"]  # as the container says: it may take that long
    return pool.run("film", wait_s=wait_s, frame_count=max(1, frames), path=path, output=output)


def _made(instance: Instance, path: str, output: str) -> dict[str, Any]:
    facts = Facts.from_json(instance.facts)
    pool, wait_s = decoding.pool(), settings().film_wait_s
    if instance.kind == "mp4":
        return of_mp4(path, output, wait_s)
    if facts.pixels is None or facts.frames is None:
        raise ValueError("a clip without pictures")
    index = facts.frames
    if facts.pixels.is_video:
        return pool.run(
            "film", wait_s=wait_s, frame_count=instance.number_of_frames, path=path, output=output,
            ranges=[each for number in range(index.count) for each in index.ranges(number)],
            frame_time_ms=facts.frame_time_ms,
        )  # fmt: skip
    palette = facts.pixels.palette.ranges if facts.pixels.palette else ()
    return pool.run(
        "clip", wait_s=wait_s, frame_count=index.count, path=path, output=output, pixels=facts.pixels.to_json(),
        frames=index.to_json(), palette=read_ranges(instance.blob, list(palette)),
        frame_time_ms=facts.frame_time_ms, frame_time_vector_ms=list(facts.frame_time_vector_ms),
    )  # fmt: skip
