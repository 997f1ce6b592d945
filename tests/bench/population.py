"""Many referrals at once, put straight into the database: each waits for its reader, with files and a study."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import sqlalchemy as sa
from psycopg import sql

from app.access.models import Grant
from app.config import Settings
from app.db import Base, new_id, now
from app.people.models import Patient, PatientWord, fold
from app.referrals.codes import ALPHABET, normalized
from app.referrals.models import DEADLINES, EXAM_TYPES, ManifestItem, Priority, Referral
from app.reviews.models import Review
from app.storage.blobs import Blob
from app.studies.models import Instance, ReferralStudy, Series, Study
from tests.servers.postgres import libpq_url

TABLES: tuple[type[Base], ...] = (
    Patient, PatientWord, Referral, Review, Grant, Study, ReferralStudy, Series, Blob, Instance, ManifestItem,
)  # fmt: skip
BATCH = 2_000  # referrals
FAMILY = "Ekai Lokwawi Achieng Otieno Wanjiru Kamau Hassan Abdi Mwangi Njoroge Chebet Kiplagat Nyambura Odhiambo "
FAMILY += "Mutua Wafula Barasa Kiptoo Jepkosgei Lemayian Naserian Akinyi Omondi Atieno Gathoni Karanja Maina Ndegwa"
GIVEN = "Naomi Amina Grace Faith Mercy Esther Ruth Halima Joyce Lucy Peter John Joseph Samuel Daniel Moses Fatuma"
SYLLABLES = "ka lo mi na te ru wa shi be do fu ga hi je ko ma ni pe ro su ti va zu ya".split()
QUESTIONS = (
    "Is the placenta low? Bleeding since this morning, fetal movements felt, no pain, pressure 110/70.",
    "Is there free fluid? Fell from a motorcycle two hours ago, tender in the left upper quadrant.",
    "Hydronephrosis on the right? Flank pain for three days, fever, creatinine not available here.",
    "Is this a viable pregnancy? Last period about eight weeks ago, light bleeding, test positive.",
    "Thrombosis? The left calf is swollen since a week, after a long journey and a caesarean.",
)
# An exam type is as frequent as its place in the list is early: the last is one in two hundred.
WEIGHTS = [1 / (place + 1) for place in range(len(EXAM_TYPES))]
LANGUAGES = ("en", "fr", "sw")
FACTS = {"regions": [{"units": [3, 3], "delta": [0.0042, 0.0042], "bounds": [0, 0, 1023, 767]}], "header": "x" * 900}


def fill(settings: Settings, sites: list[UUID], reading: UUID, author: UUID, numbers: Iterable[int]) -> None:
    """One referral for each number, all open and waiting, due one after the other."""
    random, numbers = Random(1), iter(numbers)
    while batch := list(islice(numbers, BATCH)):
        rows: dict[type[Base], list[list[object]]] = {model: [] for model in TABLES}
        for number in batch:
            for made in _case(random, number, random.choice(sites), reading, author):
                rows[type(made)].append(_values(made))
        _put(settings.database_url, rows)


def settle(settings: Settings) -> None:
    """What PostgreSQL does by itself in the minutes after so many rows."""
    if settings.on_sqlite:
        return
    with psycopg.connect(libpq_url(settings.database_url), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def complete_most(settings: Settings) -> None:
    """15 of 16 are answered."""
    _run(settings, "UPDATE review SET status = 'completed' WHERE CAST(id AS TEXT) NOT LIKE '%0'")
    settle(settings)


def _run(settings: Settings, statement: str) -> None:
    engine = sa.create_engine(settings.database_url)
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


def _case(random: Random, number: int, site: UUID, reading: UUID, author: UUID) -> Iterator[Base]:
    at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=10 * number)
    patient = _patient(random, number, site)
    priority = random.choices(list(Priority), [80, 12, 5, 3])[0]
    due_at = at + DEADLINES[priority]
    exam_type, language = random.choices(EXAM_TYPES, WEIGHTS)[0], random.choices(LANGUAGES, [85, 12, 3])[0]
    referral = Referral(
        id=new_id(), organization_id=site, reading_organization_id=reading, patient_id=patient.id, author_id=author,
        code=_code(number), status="active", exam_type=exam_type, priority=priority,
        question=random.choice(QUESTIONS), accession_number=f"S{number:010d}", due_at=due_at, submitted_at=at,
        language=language, obstetric={"lmp": "2026-05-01"} if exam_type.startswith("ob-") else None,
        patient_leaves_at=due_at if priority == Priority.ASAP else None,
        clinical_notes="G3 P2, no earlier operations. Seen at the clinic by the nurse in charge.",
    )  # fmt: skip
    review = Review(id=new_id(), organization_id=site, reading_organization_id=reading, referral_id=referral.id,
                    exam_type=exam_type, language=language, due_at=due_at)  # fmt: skip
    study = Study(id=new_id(), organization_id=site, patient_id=patient.id, study_instance_uid=f"2.25.{new_id().int}",
                  matched_at=now())  # fmt: skip
    series = Series(id=new_id(), organization_id=site, study_id=study.id, series_instance_uid="2.25.1")
    yield from (patient, *_words(patient), referral, review, study, series)
    yield Grant(id=new_id(), organization_id=reading, referral_id=referral.id)
    yield ReferralStudy(id=new_id(), organization_id=site, referral_id=referral.id, study_id=study.id)
    for place in range(3):
        yield from _file(referral, study, series, place)


def _file(referral: Referral, study: Study, series: Series, place: int) -> Iterator[Base]:
    site, sha256 = referral.organization_id, new_id().hex * 2
    blob = Blob(id=new_id(), organization_id=site, key=f"{site}/{new_id().hex}", sha256=sha256, size_bytes=100_000,
                media_type="application/dicom", state="stored")  # fmt: skip
    instance = Instance(
        id=new_id(), organization_id=site, study_id=study.id, series_id=series.id, blob_id=blob.id, sha256=sha256,
        sop_instance_uid=f"2.25.{new_id().int}", kind="dicom", is_clip=place == 0, facts=FACTS,
    )  # fmt: skip
    item = ManifestItem(id=new_id(), organization_id=site, referral_id=referral.id, name=f"IMG{place:04d}.dcm",
                        sha256=sha256, size_bytes=100_000, kind="dicom", status="stored", blob_id=blob.id,
                        instance_id=instance.id)  # fmt: skip
    yield from (blob, instance, item)


def _patient(random: Random, number: int, site: UUID) -> Patient:
    """Half of the family names are common ones, half hardly come twice."""
    family = random.choice(FAMILY.split())
    if random.random() < 0.5:
        family = "".join(random.choices(SYLLABLES, k=4)).title()
    given = random.choice(GIVEN.split())
    return Patient(id=new_id(), organization_id=site, identifier=f"P{number:08d}", family_name=family, given_name=given,
                   name_key=fold(f"{family} {given}"), birth_date=str(random.randint(1940, 2025)), sex="female")  # fmt: skip


def _words(patient: Patient) -> Iterator[PatientWord]:
    return (
        PatientWord(id=new_id(), organization_id=patient.organization_id, patient_id=patient.id, word=word)
        for word in set(patient.name_key.split())
    )


def _code(number: int) -> str:
    """As `codes.new_code` makes them, but each only once."""
    symbols = [number // len(ALPHABET) ** place % len(ALPHABET) for place in range(5)]
    text = "".join(ALPHABET[each] for each in symbols)
    return next(code for last in ALPHABET if (code := normalized(text + last)))


def _values(row: Base) -> list[object]:
    """As texts that both databases take, with the defaults that the session would fill in."""
    columns = row.__table__.columns
    return [_plain(getattr(row, column.key), column.default) for column in columns]


def _plain(value: Any, default: Any) -> object:
    if value is None and default is not None:
        value = default.arg if default.is_scalar else datetime(2026, 11, 1, tzinfo=UTC)
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, dict):
        return json.dumps(value)
    return int(value) if isinstance(value, bool) else value


def _put(database_url: str, rows: dict[type[Base], list[list[object]]]) -> None:
    if database_url.startswith("sqlite"):
        _put_in_sqlite(database_url.removeprefix("sqlite:///"), rows)
        return
    with psycopg.connect(libpq_url(database_url)) as connection, connection.cursor() as cursor:
        for model, values in rows.items():
            names = sql.SQL(", ").join(sql.Identifier(column.name) for column in model.__table__.columns)
            command = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(model.__tablename__), names)
            with cursor.copy(command) as copy:
                for each in values:
                    copy.write_row(each)


def _put_in_sqlite(path: str, rows: dict[type[Base], list[list[object]]]) -> None:
    with closing(sqlite3.connect(path, timeout=30)) as connection, connection:
        for model, values in rows.items():
            names = ", ".join(f'"{column.name}"' for column in model.__table__.columns)
            places = ", ".join("?" for _ in model.__table__.columns)
            connection.executemany(f"INSERT INTO {model.__tablename__} ({names}) VALUES ({places})", values)
