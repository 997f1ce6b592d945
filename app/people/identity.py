"""Whether the file's patient is the form's: an id is only a candidate, blanks and placeholders say nothing."""

import re
from collections.abc import Iterable
from enum import StrEnum

from app.people.models import Patient, fold

# What operators type to get on with it; such values never match and are no mismatch either.
PLACEHOLDERS = frozenset(
    "anon anonymous anonymized anonymised test tests unknown unbekannt inconnu none na n/a noname name patient "
    "demo phantom temp emergency xxx xxxx 0 00 000 0000 1 12 123 1234 12345 123456 99999 999999".split()
)


class Identity(StrEnum):
    MATCH = "match"
    UNKNOWN = "unknown"  # nothing that could be compared
    MISMATCH = "mismatch"


def compare(patient: Patient, file: dict[str, str]) -> tuple[Identity, list[str]]:
    """(verdict, the fields that differ), for a file's {identifier, name, birth_date}."""
    named = _agrees(_name_known(patient), file.get("name", ""), _names_of_patient_and_file(patient, file))
    born = _agrees(patient.birth_date or "", file.get("birth_date", ""), _born_alike(patient, file))
    identifier = "" if patient.identifier_is_temporary else patient.identifier
    identified = _agrees(identifier, file.get("identifier", ""), fold(identifier) == fold(file.get("identifier", "")))
    verdicts = {"name": named, "birth_date": born, "identifier": identified}
    differing = [field for field, agrees in verdicts.items() if agrees is False]
    if differing == ["identifier"] and named and born:
        differing = []  # ids differ between hospitals; the same name and birth date do not
    if differing:
        return Identity.MISMATCH, differing
    return (Identity.MATCH if named or born else Identity.UNKNOWN), []


def names_agree(one: Iterable[str], other: Iterable[str]) -> bool:
    """Every word of the shorter name stands in the longer one, whatever the order."""
    words, others = set(fold(" ".join(one)).split()), set(fold(" ".join(other)).split())
    if not words or not others:
        return True
    shorter, longer = sorted((words, others), key=len)
    return shorter <= longer


def is_placeholder(text: str) -> bool:
    words = re.sub(r"[^\w/]+", " ", fold(text)).split()
    return not words or all(word in PLACEHOLDERS for word in words)


def _agrees(ours: str, theirs: str, alike: bool) -> bool | None:
    return None if is_placeholder(ours) or is_placeholder(theirs) else alike


def _name_known(patient: Patient) -> str:
    return "" if patient.name_unknown else f"{patient.family_name} {patient.given_name} {patient.name_local}"


def _names_of_patient_and_file(patient: Patient, file: dict[str, str]) -> bool:
    latin = (patient.family_name, patient.given_name)
    # PN component groups stand side by side: alphabetic=ideographic=phonetic (PS3.5 6.2.1.2).
    groups = [group for group in file.get("name", "").split("=") if fold(group)]
    ours = [name for name in (latin, (patient.name_local,)) if fold(" ".join(name))]
    return any(names_agree(name, [group]) for name in ours for group in groups)


def _born_alike(patient: Patient, file: dict[str, str]) -> bool:
    theirs = re.sub(r"\D", "", file.get("birth_date", ""))
    ours = re.sub(r"\D", "", patient.birth_date or "")
    return theirs.startswith(ours) or ours.startswith(theirs)
