"""Which findings are critical, and how soon somebody has to speak of them: the default list, and an organization's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.errors import Invalid, Sentence
from app.languages import N_
from app.people.models import Organization
from app.people.names import one_line

MOST_OWN, WORDS_CHARS = 50, 200


class Grade(StrEnum):
    """Within minutes and spoken, within hours, within days."""

    IMMEDIATE = "immediate"
    URGENT = "urgent"
    SIGNIFICANT = "significant"


@dataclass(frozen=True)
class Offered:
    """One line of the list; `code` is empty for what a reader writes in their own words."""

    code: str
    words: str
    grade: Grade


DEFAULTS = tuple(Offered(code, words, grade) for grade, lines in (
    (Grade.IMMEDIATE, (
        ("ectopic", N_("Ruptured or suspected ectopic pregnancy")),
        ("free-fluid", N_("Free fluid in trauma, or with a positive pregnancy test")),
        ("abruption", N_("Placental abruption")),
        ("previa-bleeding", N_("Placenta previa with bleeding")),
        ("vasa-previa", N_("Vasa previa")),
        ("cord", N_("Cord prolapse or cord presentation")),
        ("uterine-rupture", N_("Uterine rupture")),
        ("fetal-bradycardia", N_("Fetal bradycardia")),
        ("tamponade", N_("Tamponade")),
        ("tension-chest", N_("Tension pneumothorax or haemothorax")),
        ("aaa-symptomatic", N_("Aortic aneurysm, symptomatic or leaking")),
        ("testicular-torsion", N_("Testicular torsion")),
        ("intussusception", N_("Intussusception with compromise")),
    )),
    (Grade.URGENT, (
        ("ovarian-torsion", N_("Ovarian torsion")),
        ("no-heartbeat", N_("No fetal heartbeat")),
        ("end-diastolic-flow", N_("Absent or reversed end-diastolic flow")),
        ("oligohydramnios", N_("Severe oligohydramnios")),
        ("pneumothorax", N_("Pneumothorax")),
        ("tension-effusion", N_("Tension effusion")),
        ("rv-strain", N_("Right ventricular strain")),
        ("proximal-dvt", N_("Acute proximal deep vein thrombosis")),
        ("infected-kidney", N_("Obstructed infected kidney")),
        ("appendicitis", N_("Appendicitis or perforation")),
        ("retained-products", N_("Retained products with bleeding")),
        ("portal-thrombosis", N_("Portal vein thrombosis")),
        ("accreta", N_("Suspected placenta accreta")),
        ("aaa-large", N_("Aortic aneurysm of 5.5 cm or more (women: 5.0 cm)")),
    )),
    (Grade.SIGNIFICANT, (
        ("previa-late", N_("Placenta previa or low-lying from 32 weeks")),
        ("non-cephalic", N_("Not head down from 36 weeks")),
        ("monochorionic", N_("Monochorionic twins")),
        ("malignancy", N_("Suspected malignancy")),
    )),
) for code, words in lines)  # fmt: skip
BY_CODE = {one.code: one for one in DEFAULTS}
_PREGNANCY = ("abruption", "previa-bleeding", "vasa-previa", "cord", "uterine-rupture", "fetal-bradycardia", "no-heartbeat",
              "end-diastolic-flow", "oligohydramnios", "accreta", "previa-late", "non-cephalic", "monochorionic")  # fmt: skip
_BELLY = ("free-fluid", "aaa-symptomatic", "intussusception", "appendicitis", "portal-thrombosis", "infected-kidney",
          "aaa-large", "malignancy")  # fmt: skip
# What is likeliest in an examination stands first within its grade.
OF_EXAM: dict[str, tuple[str, ...]] = {
    "ob-first-trimester": ("ectopic", "free-fluid", "no-heartbeat", "ovarian-torsion", "monochorionic"),
    "ob-second-trimester": _PREGNANCY, "ob-third-trimester": _PREGNANCY,
    "pelvis": ("ectopic", "free-fluid", "ovarian-torsion", "retained-products", "malignancy"),
    "abdomen": _BELLY, "renal": ("infected-kidney", "malignancy"), "paediatric-abdomen": _BELLY,
    "fast": ("free-fluid", "tamponade", "tension-chest", "pneumothorax"), "echo": ("tamponade", "rv-strain"),
    "lung": ("tension-chest", "pneumothorax", "tension-effusion"), "dvt": ("proximal-dvt", "rv-strain"),
    "scrotum": ("testicular-torsion", "malignancy"), "aorta": ("aaa-symptomatic", "aaa-large"),
    **dict.fromkeys(("thyroid", "neck", "breast"), ("malignancy",)),
}  # fmt: skip


def offered(organization: Organization, exam_type: str = "") -> list[Offered]:
    """What readers of this organization choose from, the most pressing first, and what fits the examination before the rest."""
    grades = organization.critical_findings.get("grades", {})
    lines = [Offered(one.code, one.words, Grade(grades.get(one.code) or one.grade)) for one in DEFAULTS
             if grades.get(one.code, one.grade) != ""]  # fmt: skip
    own = [
        Offered(f"own-{number}", each["words"], Grade(each["grade"]))
        for number, each in enumerate(organization.critical_findings.get("own", []), 1)
    ]
    order, likely = list(Grade), OF_EXAM.get(exam_type, ())
    return sorted([*lines, *own], key=lambda one: (order.index(one.grade), one.code not in likely))


def changed(grades: Mapping[str, str], own: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """What an organization says otherwise than the default, checked; the grade '' takes a line off its list."""
    kept: dict[str, str] = {}
    for code, grade in grades.items():
        if code not in BY_CODE:
            raise Invalid("This is not on the list of critical findings.", field=code)
        if grade not in ("", *Grade):
            raise Invalid("A critical finding is immediate, urgent or significant.", field=code)
        if grade != BY_CODE[code].grade:
            kept[code] = str(grade)
    if len(own) > MOST_OWN:
        raise Invalid(Sentence("At most {n} findings of your own.", n=MOST_OWN), field="own")
    lines = [{"words": one_line(words, WORDS_CHARS), "grade": str(grade)} for words, grade in own]
    for each in lines:
        if not each["words"]:
            raise Invalid(Sentence("Name the finding, in at most {n} letters.", n=WORDS_CHARS), field="own")
        if each["grade"] not in set(Grade):
            raise Invalid("A critical finding is immediate, urgent or significant.", field="own")
    return {"grades": kept, "own": lines} if kept or lines else {}
