"""Crafted DICOM is refused, or harmless: in bounded memory, without an exception of another kind."""

import json
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as campaign
from hypothesis import strategies as st

from app.config import settings
from app.dicom.admission import examine
from app.dicom.facts import Facts
from app.dicom.metadata import header
from app.dicom.pool import Pool
from app.errors import Invalid
from tests.dicom import made, real
from tests.hostile import dicom

pytestmark = [pytest.mark.hostile, pytest.mark.timeout(30)]  # what hangs fails here
CHECK_S = 2  # of CPU, and 512 MB at most
MEMORY_BYTES = 64 << 20  # of the pass itself; the largest value that it holds has 16 MB


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    pool = Pool(2)
    pool.start()
    yield pool
    pool.stop()


def outcome_of(path: Path) -> Facts | Invalid:
    try:
        return examine(path)
    except Invalid as refusal:
        return refusal


def bounded_examine(path: Path) -> Facts | Invalid:
    """The outcome, with its time and memory held to the limits of a check."""
    started_s = time.thread_time()
    outcome = outcome_of(path)
    assert time.thread_time() - started_s < CHECK_S
    assert not isinstance(outcome, Invalid) or outcome.facts["reason_code"] != "slow"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.config._current", settings().model_copy(update={"max_check_cpu_s": 100}))  # tracing is slow
        tracemalloc.start()
        assert isinstance(outcome_of(path), type(outcome))
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak_bytes < MEMORY_BYTES
    return outcome


@pytest.mark.parametrize("name", dicom.REFUSED)
def test_what_hangs_crashes_or_exhausts_others_is_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    reason_code, make = dicom.REFUSED[name]
    path.write_bytes(make())
    outcome = bounded_examine(path)
    assert isinstance(outcome, Invalid), outcome
    assert outcome.facts["reason_code"] == reason_code
    assert outcome.sentence.startswith("This ")
    assert outcome.sentence.endswith(".")


@pytest.mark.parametrize("name", dicom.HARMLESS)
def test_what_only_looks_dangerous_is_taken_clean_and_shown_or_refused(name: str, tmp_path: Path, pool: Pool) -> None:
    path = tmp_path / "upload"
    path.write_bytes(dicom.HARMLESS[name]())
    facts = bounded_examine(path)
    assert isinstance(facts, Facts)
    text = json.dumps(facts.to_json(), allow_nan=False)
    assert not any(f"\\u00{code:02x}" in text for code in range(32))
    started_s = time.thread_time()
    json.loads(header(path, facts).text)
    assert time.thread_time() - started_s < CHECK_S
    shown(pool, path, facts)


def test_what_takes_long_is_refused_when_the_time_of_a_check_is_over(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(dicom.frames_with_all_markers())
    started_s = time.thread_time()
    refusal = outcome_of(path)
    assert time.thread_time() - started_s < CHECK_S + 0.5
    assert isinstance(refusal, Invalid)
    assert refusal.facts["reason_code"] == "slow"


@pytest.mark.parametrize("name", dicom.ODD)
def test_what_real_machines_write_wrong_is_taken_with_a_warning(name: str, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    make, warning = dicom.ODD[name]
    path.write_bytes(make())
    facts = bounded_examine(path)
    assert isinstance(facts, Facts)
    assert any(warning in one for one in facts.warnings), facts.warnings


def shown(pool: Pool, path: Path, facts: Facts) -> int:
    """Ask for a preview of every frame; how many there are. Anything but a picture or Invalid raises."""
    whole, count = path.read_bytes(), 0
    for number in range(facts.frames.count if facts.frames and facts.pixels else 0):
        assert facts.frames
        assert facts.pixels
        data = b"".join(whole[at : at + size] for at, size in facts.frames.ranges(number))
        try:
            pool.run("frame", data=data, pixels=facts.pixels.to_json(), form="webp", max_side=320)
            count += 1
        except Invalid:
            pass
    return count


def test_the_pool_serves_after_all_of_it(pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "good"
    path.write_bytes(made.file(made.picture(64, 64)))
    assert shown(pool, path, examine(path)) == 1


def test_every_truncation_of_a_clip_is_refused(tmp_path: Path) -> None:
    whole = real.named("examples_ybr_color.dcm").read_bytes()
    path = tmp_path / "upload"
    for percent in range(100):
        path.write_bytes(whole[: len(whole) * percent // 100])
        with pytest.raises(Invalid):
            examine(path)
    for missing in range(1, 9):
        path.write_bytes(whole[:-missing])
        with pytest.raises(Invalid, match="cut off"):
            examine(path)


def test_a_file_of_four_gigabytes_is_looked_at_in_little_memory(tmp_path: Path) -> None:
    head = made.file(made.picture(1000, 1000, b"", samples=3, frames=1400))
    size = 1000 * 1000 * 3 * 1400
    path = tmp_path / "large"
    with path.open("wb") as out:
        out.write(head + made.element(0x7FE00010, "OB", b"", length=size))
        out.truncate(out.tell() + size)  # sparse
    facts = bounded_examine(path)
    assert isinstance(facts, Facts)
    assert facts.frames is not None
    assert facts.frames.ranges(1399)[0][1] == 3_000_000
    path.unlink()


def test_a_value_of_the_header_never_names_a_place_on_the_disk(tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    for name in ("uid upwards", "uid absolute", "uid upwards in meta"):
        path = tmp_path / "upload"
        path.write_bytes(dicom.REFUSED[name][1]())
        bounded_examine(path)
    assert set(tmp_path.iterdir()) == before | {tmp_path / "upload"}


SEEDS = [
    real.named(name).read_bytes()[:40_000]
    for name in (
        "examples_ybr_color.dcm",
        "examples_palette.dcm",
        "ExplVR_BigEnd.dcm",
        "test-SR.dcm",
        "MR_small_implicit.dcm",
    )
] + [made.file(made.picture(4, 4)), dicom.segmented_lut_bomb(), dicom.regions_out_of_bounds()]


@campaign(max_examples=1_500, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(
        st.tuples(
            st.floats(0, 0.9999),
            st.sampled_from([b"\xff", b"\0", b"\xff\xff\xff\xff", b"\xfe\xff\x00\xe0", b"SQ", b"UN"])
            | st.binary(max_size=6),
        ),
        max_size=12,
    ),
    cut=st.floats(0.05, 1),
)
@example(seed=b"DICM".rjust(132), changes=[], cut=1.0)
def test_no_change_of_a_file_makes_the_check_fail(
    seed: bytes, changes: list[tuple[float, bytes]], cut: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = bytearray(seed)
    for place, value in changes:
        at = int(place * len(data))
        data[at : at + len(value)] = value
    path = tmp_path_factory.getbasetemp() / "changed"
    path.write_bytes(bytes(data[: int(len(data) * cut)]))
    facts = outcome_of(path)
    if isinstance(facts, Facts):
        assert Facts.from_json(json.loads(json.dumps(facts.to_json(), allow_nan=False))) == facts
        if facts.frames:
            last = facts.frames.ranges(facts.frames.count - 1)[-1]
            assert sum(last) <= facts.size_bytes


@campaign(max_examples=300, deadline=None)
@given(data=st.binary(max_size=600))
def test_no_bytes_make_the_check_fail(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "noise"
    for start in (b"", b"\0" * 128 + b"DICM", b"\x08\0\x16\0UI\x1a\0", b"\xff\xd8\xff", b"\0\0\0\x18ftypisom"):
        path.write_bytes(start + data)
        outcome_of(path)
