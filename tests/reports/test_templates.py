"""What is ticked in a template is said in the signed text, what is not is said to be not assessed, and nothing else."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError
from pydicom.sr._concepts_dict import concepts  # the codes that DICOM itself uses, as its standard lists them

from app.access.actor import WORKER
from app.db import reading, transaction
from app.errors import Conflict, Forbidden, Invalid
from app.people.models import Role
from app.referrals.models import EXAM_TYPES
from app.reports import amend, edit_template, filled
from app.reports.answers import Answer, Answers, GivenForm, KeyImage, Known, Spot
from app.reports.compose import Written, compose
from app.reports.kept_template import current
from app.reports.lacking import Lack, applies, lacks
from app.reports.models import ReportVersion
from app.reports.shipped import body_of, shipped
from app.reports.template import Template, _spoken
from app.reviews.models import Review
from app.reviews.step import loaded
from app.studies.images import instances_of
from tests import people
from tests.people import Places
from tests.reports.test_signing import Reading, claimed

CLIP, STILL = uuid4(), uuid4()
KNOWN = Known(images={STILL: (1, False), CLIP: (2, True)})
ONE = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)


def ticked(**answers: Any) -> Answers:
    """`liver_size="normal"` is a choice, a number a number, and a list several choices."""
    found = {}
    for key, given in answers.items():
        name = key.replace("__", "~").replace("_", "-")
        found[name] = given if isinstance(given, Answer) else Answer.model_validate(
            {"numbers": [given]} if isinstance(given, int | float) else {"choices": given} if isinstance(given, list)
            else {"choice": given}
        )  # fmt: skip
    return found


def text(code: str, answers: Answers, language: str = "en", known: Known = KNOWN) -> Written:
    return compose(shipped()[code], answers, known, language, {})


def lacking(code: str, answers: Answers, known: Known = KNOWN) -> dict[str, Lack]:
    return {one.key: one for one in lacks(shipped()[code], answers, known, "en")}


def test_every_exam_of_the_list_has_its_template_in_every_language_of_the_pages() -> None:
    fit = {exam for one in shipped().values() for exam in one.exam_types}
    assert fit == set(EXAM_TYPES)
    unsaid = [(one.code, words) for one in shipped().values() for words in _spoken(one) if set(words) != {"en", "fr"}]
    assert unsaid == []


def test_every_code_is_one_that_dicom_lists() -> None:
    listed: Any = concepts
    known = {
        f"{scheme} {code}"
        for scheme in ("LN", "SCT", "DCM")
        for meanings in listed[scheme].values()
        for code in meanings
    }
    said = set[str]()
    for template in shipped().values():
        items = [item for section in template.sections for item in section.items]
        options = [option for line in template.lines() for option in line.options]
        parts: list[Any] = [template, *template.sections, *items, *options]
        said |= {code for part in parts for code in part.codes}
    assert len(said) > 80
    assert said - known == set()


def test_an_unknown_field_and_a_condition_on_nothing_are_refused() -> None:
    body = body_of(shipped()["abdomen"])
    for wrong in ({**body, "colour": "red"}, {**body, "title": {"fr": "Abdomen"}}, {**body, "exam_types": ["knee"]}):
        with pytest.raises(ValidationError):
            Template.model_validate(wrong)
    item = {"code": "a", "label": {"en": "A"}, "kind": "text", "when": [{"item": "b", "is": ["c"]}]}
    with pytest.raises(ValidationError, match="no item here"):
        Template.model_validate(
            {"code": "x", "title": {"en": "X"}, "sections": [{"code": "s", "title": {"en": "S"}, "items": [item]}]}
        )


def test_nothing_is_normal_that_was_not_ticked() -> None:
    said = text(
        "abdomen", ticked(liver_size="normal", gallbladder=["stones", "sludge"], cbd=4.2, spleen=Answer(unclear=True))
    )
    assert said.findings == (
        "Liver\nSize: normal. Not assessed: echo pattern, focal lesion.\n\n"
        "Gallbladder and ducts\nGallbladder: stones, sludge. Common bile duct: 4.2 mm. "
        "Not assessed: wall, fluid around it, sonographic Murphy sign, ducts within the liver, portal vein.\n\n"
        "Pancreas, spleen, aorta\nSpleen, length: could not be assessed. "
        "Not assessed: pancreas, aorta, largest outer diameter, kidneys, free fluid."
    )
    assert text("abdomen", {}).findings == "Not assessed: liver, gallbladder and ducts, pancreas, spleen, aorta."


def test_a_report_is_said_in_its_language() -> None:
    said = text("renal", ticked(jets="both") | {"hydronephrosis.left": Answer(choice="mild")}, "fr")
    assert "Hydronéphrose, gauche : minime (1)." in said.findings
    assert "Non évalué : longueur, droite, longueur, gauche" in said.findings


BEGUN = ticked(location="intrauterine", embryos=1, sac="regular", yolk_sac="seen")
LOSSES: list[tuple[dict[str, Any], bool]] = [
    ({"embryo": "seen", "crl": 7, "cardiac": Answer(choice="absent", seen_on=[Spot(image=CLIP, frame=9)])}, True),
    ({"embryo": "seen", "crl": 6.9, "cardiac": Answer(choice="absent", seen_on=[Spot(image=CLIP)])}, False),
    ({"embryo": "seen", "crl": 9, "cardiac": Answer(choice="absent", seen_on=[Spot(image=STILL)])}, False),
    ({"embryo": "seen", "crl": 9, "cardiac": "absent"}, False),
    ({"embryo": "seen", "crl": 9, "cardiac": Answer(unclear=True, seen_on=[Spot(image=CLIP)])}, False),
    ({"embryo": "not-seen", "msd": 25}, True),
    ({"embryo": "not-seen", "msd": 24.9}, False),
    ({"embryo": "seen", "msd": 30}, False),
    ({"embryo": "not-seen", "msd": 18, "interval": "sac-14-days"}, True),
    ({"embryo": "not-seen", "msd": 18, "interval": "yolk-11-days"}, True),
]


@pytest.mark.parametrize(("seen", "may"), LOSSES)
def test_pregnancy_loss_is_said_only_by_the_published_criteria(seen: dict[str, Any], may: bool) -> None:
    answers = BEGUN | ticked(viability="loss", **seen)
    said, why = text("ob-first-trimester", answers), lacking("ob-first-trimester", answers).get("viability")
    assert ("Pregnancy loss" in said.findings) is may
    assert ("Uncertain viability: repeat the scan in 7–14 days." in said.findings) is not may
    assert said.advice == ([] if may else ["Uncertain viability: repeat the scan in 7–14 days."])
    assert (why is None) is may
    options = [option for section in said.sections for item in section["items"] for option in item.get("options", ())]
    assert ("loss" in {one["code"] for one in options}) is may  # nor does it stand there by code


def test_beside_a_heartbeat_neither_a_loss_nor_a_doubt_is_said() -> None:
    beats = Answer(choice="present", seen_on=[Spot(image=CLIP)])
    answers = BEGUN | ticked(viability="loss", embryo="seen", crl=9, cardiac=beats, interval="yolk-11-days")
    said = text("ob-first-trimester", answers)
    assert "Pregnancy loss" not in said.findings
    assert said.advice == []
    assert "viability" in lacking("ob-first-trimester", answers)


def test_an_embryo_is_not_given_up_by_what_was_seen_of_its_twin() -> None:
    answers = BEGUN | ticked(embryo="seen", crl=8, cardiac=Answer(choice="absent", seen_on=[Spot(image=CLIP)]))
    answers |= ticked(sac__2="regular", embryo__2="seen", crl__2=6, cardiac__2="absent", viability__2="loss")
    assert "viability~2" in lacking("ob-first-trimester", answers)
    assert "Pregnancy loss" not in text("ob-first-trimester", answers).findings


def test_no_free_fluid_is_said_only_of_four_windows() -> None:
    on = [Spot(image=CLIP)]
    clear = {key: Answer(choice="none", seen_on=on) for key in ("ruq", "luq", "pelvis", "pericardium")}
    overall = ticked(overall="none")
    assert "No free fluid in any" in text("fast", clear | overall).findings
    assert lacking("fast", clear | overall) == {}
    for key in clear:
        for other in (None, Answer(choice="indeterminate"), Answer(choice="fluid"), Answer(unclear=True)):
            answers = {k: v for k, v in clear.items() if k != key} | ({key: other} if other else {}) | overall
            said = text("fast", answers)
            assert "No free fluid in any" not in said.findings
            assert "is not excluded" in said.findings
            assert lacking("fast", answers)["overall"].why == "unfounded"


def test_a_view_is_normal_only_with_the_image_that_it_was_seen_on() -> None:
    assert lacking("fast", ticked(ruq="none"))["ruq"].why == "unseen"
    assert lacking("fast", ticked(ruq=Answer(choice="none", seen_on=[Spot(image=uuid4())])))["ruq"].why == "unseen"
    seen = ticked(ruq=Answer(choice="none", seen_on=[Spot(image=CLIP, frame=12)]), luq="fluid")
    assert lacking("fast", seen).keys() & {"ruq", "luq"} == set()  # what is not normal is said without
    assert "no free fluid (clip 2, frame 12)." in text("fast", seen).findings


def test_an_empty_uterus_with_a_positive_test_and_an_unknown_location_carry_the_advice() -> None:
    positive = KNOWN.model_copy(update={"facts": {"pregnancy-test": "positive"}})
    ectopic = [
        text("ob-first-trimester", ticked(location="unknown")),
        text("pelvis", ticked(cavity=["empty"]), known=positive),
        text("pelvis", ticked(cavity=["fluid"], pregnancy_test="positive")),
    ]
    assert all("ectopic" in " ".join(one.advice) for one in ectopic)
    assert text("pelvis", ticked(cavity=["empty"])).advice == []
    assert text("pelvis", ticked(cavity=["gestational-sac"]), known=positive).advice == []


def test_what_is_required_is_listed_and_what_does_not_apply_is_not() -> None:
    missing = lacking("ob-first-trimester", ticked(location="unknown"))
    assert {"uterus", "cervix", "adnexa", "cul-de-sac"} == missing.keys()
    assert missing["cervix"].facts == {
        "key": "cervix", "section": "Uterus and adnexa", "label": "Cervix", "why": "missing",
        "detail": "Not assessed yet. Say what was seen, or that it could not be assessed.",
    }  # fmt: skip
    assert "crl" in lacking("ob-first-trimester", BEGUN | ticked(embryo="seen"))
    assert lacking("abdomen", ticked(cbd=400, liver_echo=["normal", "fatty"], gone="x")).keys() >= {
        "cbd",
        "liver-echo",
        "gone",
    }
    assert [one.why for key, one in lacking("abdomen", ticked(cbd=400)).items() if key == "cbd"] == ["range"]


RULED = frozenset({"crl"})


def test_a_number_by_the_ruler_on_the_screen_founds_no_guarded_sentence_until_it_is_confirmed() -> None:
    absent = Answer(choice="absent", seen_on=[Spot(image=CLIP)])
    answers = BEGUN | ticked(embryo="seen", crl=9, cardiac=absent, viability="loss")
    ruled = KNOWN.model_copy(update={"nearly": RULED})
    assert "Uncertain viability" in text("ob-first-trimester", answers, known=ruled).findings
    why = lacking("ob-first-trimester", answers, ruled)["viability"]
    assert why.why == "unfounded"
    assert "by the ruler on the screen" in why.sentence
    assert "Pregnancy loss" in text("ob-first-trimester", answers).findings
    # What is only hidden or shown by a number stays as it is.
    twins = ticked(location="intrauterine", embryos=2, chorionicity="mcda")
    shown = text("ob-first-trimester", twins, known=KNOWN.model_copy(update={"nearly": frozenset({"embryos"})}))
    assert "monochorionic diamniotic" in shown.findings


def test_a_breast_is_said_by_the_lexicon_with_a_category_of_each_side() -> None:
    answers = ticked(
        masses="one", mass_side="left", clock=2, shape="irregular", margin=["indistinct", "angular"], echo="hypoechoic"
    )
    answers |= {"mass-size": Answer(numbers=[14, 9, 11]), "category.left": Answer(choice="4b"),
                "category.right": Answer(choice="1")}  # fmt: skip
    said = text("breast", answers)
    assert "Mass\nSide: left. Hour on the clock face: 2. Size: 14 × 9 × 11 mm. Shape: irregular." in said.findings
    assert "Margin: indistinct, angular. Echo pattern: hypoechoic." in said.findings
    assert "BI-RADS category, left breast: 4B, moderate suspicion: tissue diagnosis." in said.findings
    coded = {item["key"]: item for section in said.sections for item in section["items"]}
    assert [one["codes"] for one in coded["margin"]["options"]] == [["SCT 129741003"], ["DCM 111343"]]
    assert coded["category.left"]["options"][0]["codes"] == ["SCT 397144001"]
    missing = lacking("breast", answers).keys()
    assert {"extent.right", "extent.left", "composition", "axilla.right", "orientation", "posterior"} <= missing
    assert lacking("breast", ticked(masses="none")).keys() & {"shape", "mass-size"} == set()


def test_nodes_of_the_neck_are_cleared_only_where_it_was_looked() -> None:
    cleared = ticked(nodes="normal")
    assert "not cleared" in text("neck", cleared).findings
    assert lacking("neck", cleared)["nodes"].why == "unfounded"
    levels = {f"levels.{side}": Answer(choices=["2", "3", "4"]) for side in ("right", "left")}
    said = text("neck", cleared | levels).findings
    assert "Levels looked at, right: II, III, IV." in said
    assert "Nodes: none enlarged or suspicious where it was looked." in said
    one = ticked(nodes="one", node_side="right", node_level="2", node_shape="round", hilum="absent")
    assert "node-size" in lacking("neck", one | levels)
    assert "bed" in lacking("neck", ticked(thyroid=["removed"]))
    assert "Parotide, droite : calcul." in text("neck", {"parotid.right": Answer(choices=["stone"])}, "fr").findings


def test_no_loss_is_said_of_a_heart_that_beats() -> None:
    lost = ticked(
        location="intrauterine", embryos=1, sac="regular", embryo="seen", interval="yolk-11-days", viability="loss"
    )
    assert "viability" not in lacking("ob-first-trimester", lost)
    for beating in (ticked(cardiac="present"), ticked(heart_rate=120)):
        assert lacking("ob-first-trimester", lost | beating)["viability"].why == "contrary"
        assert "loss" not in text("ob-first-trimester", lost | beating).findings


def test_of_twins_each_is_asked_for_and_nothing_of_one_rests_on_the_other() -> None:
    one = ticked(location="intrauterine", embryos=2, chorionicity="dcda", sac="regular", embryo="seen", crl=8,
                 cardiac=Answer(choice="absent", seen_on=[Spot(image=CLIP)]), viability="loss")  # fmt: skip
    lacks = lacking("ob-first-trimester", one)
    assert lacks["sac~2"].why == lacks["viability~2"].why == "missing"
    assert "viability" not in lacks
    assert "sac~3" not in lacks
    assert "Not assessed: sac and embryo 2" in text("ob-first-trimester", one).findings
    assert lacking("ob-first-trimester", one | ticked(viability__2="loss"))["viability~2"].why == "unfounded"
    assert "sac~2" not in lacking("ob-first-trimester", one | ticked(embryos=1))
    for code in ("ob-second-trimester", "ob-third-trimester"):
        assert any(key.endswith("~2") for key in lacking(code, ticked(fetuses=2)))


def test_an_aorta_of_30_mm_anywhere_is_an_aneurysm_and_the_largest_is_not_smaller() -> None:
    whole = ticked(proximal=20, mid=18, distal=17, largest=20, aneurysm="none")
    assert lacking("aorta", whole) == {}
    wide = lacking("aorta", whole | ticked(mid=30))
    assert (wide["aneurysm"].why, wide["largest"].why) == ("contrary", "contrary")
    assert lacking("aorta", whole | ticked(largest=31)).keys() == {"aneurysm"}


def test_any_other_examination_says_what_was_looked_at_seen_and_not_seen() -> None:
    on = [Spot(image=STILL)]
    answers = {"region": Answer(text="Left eyelid"), "result": Answer(choice="normal", seen_on=on)} | ticked(
        limits=["part"]
    )
    assert text("other", answers).findings == (
        "What was looked at\nRegion or organ: Left eyelid. Limits of the study: only a part was shown.\n\n"
        "What was seen\nWhere it was looked: nothing abnormal seen (image 1)."
    )
    assert lacking("other", answers) == {}
    assert lacking("other", ticked(result="normal"))["result"].why == "unseen"
    assert {"description", "region"} <= lacking("other", ticked(result="abnormal")).keys()


def test_every_template_ends_with_technique_limits_and_comparison_and_asks_for_none_of_them() -> None:
    for template in shipped().values():
        study = template.sections[-1]
        codes = {line.item.code for line in template.lines()}
        assert study.folded, template.code
        assert {"transducer", "limits", "prior-study", "prior-study-date"} <= codes
        assert not any(line.required for line in template.lines() if line.section is study)
        assert "technique" not in text(template.code, {}).findings.lower(), "it is not named where it is untouched"
    with_route = {code for code, one in shipped().items() if any(line.item.code == "route" for line in one.lines())}
    assert {"pelvis", "ob-first-trimester"} <= with_route
    assert "thyroid" not in with_route
    own = next(line for line in shipped()["other"].lines() if line.item.code == "limits")
    assert own.section.code == "looked-at"


def test_technique_limits_and_comparison_are_said_as_far_as_they_are_ticked() -> None:
    answers = ticked(cavity=["empty"], transducer=["endocavitary"], route=["transvaginal"], limits=["gas", "none"])
    answers |= {"prior-study": Answer(choice="report"), "prior-study-date": Answer(text="3 Apr 2026, Kisumu")}
    assert (
        "Technique, limits and comparison\nTransducer: endocavitary. Route: transvaginal. "
        "Limits of the study: none of note, bowel gas. Comparison: with the report of an earlier study alone. "
        "Earlier study: day and place: 3 Apr 2026, Kisumu.\n\nNot assessed: situation, ovaries."
    ) in text("pelvis", answers).findings
    assert lacking("pelvis", answers)["limits"].why == "contrary"
    assert "prior-study-date" not in {
        item["code"] for section in text("pelvis", answers | ticked(prior_study="unknown")).sections for item in section["items"]
    }  # fmt: skip


def test_in_the_second_trimester_a_weight_has_its_centile_and_fluid_its_index() -> None:
    assert "efw-centile" not in lacking("ob-second-trimester", ticked(fetuses=1, efw=500))  # charts begin later
    centile = {"efw-centile": Answer(text="centile 50 (chart INTERGROWTH-21st 2017, at 23w0d)")}
    said = text("ob-second-trimester", ticked(fetuses=1, efw=560, afi=140) | centile).findings
    assert "Estimated weight: 560 g. Centile of the weight and the chart used: centile 50 (chart INTERGROWTH" in said
    assert "Amniotic fluid index: 140 mm." in said
    assert "Centile" not in text("ob-second-trimester", ticked(fetuses=1, fluid="normal") | centile).findings


BACK = {f"r4-{height}" for height in ("upper", "lower")}
SIDE = {f"r3-{height}" for height in ("upper", "lower")}
ZONES = [
    ("six", {"r1", "r2", "r4"}),
    ("eight", {"r1", "r2"} | SIDE),
    ("twelve", {"r1", "r2"} | SIDE | BACK),
    ("fewer", {"r1", "r2", "r3", "r4"}),
]


@pytest.mark.parametrize(("points", "right"), ZONES)
def test_the_zones_of_the_chosen_scheme_are_asked_for_and_no_other(points: str, right: set[str]) -> None:
    answers = ticked(points=points)
    asked = {
        line.place.code
        for line in shipped()["lung"].lines()
        if line.item.code == "zone" and line.place and applies(line, answers, KNOWN)
    }
    assert asked == right | {code.replace("r", "l", 1) for code in right}


def test_a_zone_that_was_not_looked_at_is_named() -> None:
    seen = {f"zone.{side}{zone}": Answer(choices=["a"], seen_on=[Spot(image=CLIP)]) for side in "rl"
            for zone in ("1", "2", "3-upper", "3-lower", "4-upper")}  # fmt: skip
    said = text("lung", ticked(points="twelve") | seen | {"zone.r4-lower": Answer(choices=["consolidation"])}).findings
    assert "Zone, right lower back: consolidation." in said
    assert "Not assessed: zone, left lower back." in said


OPEN = {"right-cfv": "compressible", "right-popliteal": "compressible"}
VEINS: list[tuple[dict[str, Any], str]] = [
    ({"side": "right", "right-cfv": "compressible", "right-popliteal": "unclear"}, "unfounded"),
    ({"side": "right", "right-cfv": "unclear", "right-popliteal": "compressible"}, "unfounded"),
    ({"side": "right", "right-cfv": "unclear", "right-popliteal": "unclear"}, "unfounded"),
    ({"side": "right", "right-calf": "compressible"}, "unfounded"),
    ({"side": "right", "left-cfv": "compressible"}, "unfounded"),
    ({"side": "left", "left-cfv": "compressible", "left-popliteal": "compressible"}, ""),
    ({"side": "both", **OPEN}, "unfounded"),
    ({"side": "both", **OPEN, "left-popliteal": "compressible"}, "unfounded"),
    ({"side": "both", **OPEN, "left-cfv": "compressible", "left-popliteal": "compressible"}, ""),
    ({"side": "right", **OPEN, "right-calf": "partly"}, "contrary"),
    ({"side": "both", **OPEN, "left-cfv": "compressible", "left-fv": "not"}, "contrary"),
    ({"side": "right", **OPEN, "left-fv": "not"}, ""),  # of a leg that is not asked about any more
]


@pytest.mark.parametrize(("seen", "why"), VEINS)
def test_no_thrombosis_is_said_only_of_legs_whose_two_points_were_shown_to_be_compressible(
    seen: dict[str, str], why: str
) -> None:
    answers = {
        key: Answer(unclear=True) if said == "unclear" else Answer(choice=said, seen_on=[Spot(image=CLIP)])
        for key, said in {"extent": "two-point", "thrombus": "none", **seen}.items()
    }
    lack, said = lacking("dvt", answers).get("thrombus"), text("dvt", answers)
    assert (lack.why if lack else "") == why
    assert ("none in the veins assessed" in said.findings) is not bool(why)
    assert bool(said.advice) is (why == "unfounded")


@pytest.mark.parametrize(
    ("view", "image", "may"),
    [("good", CLIP, True), ("limited", CLIP, True), ("good", STILL, False), ("limited", STILL, False), ("good", None, False),
     ("still", STILL, True), ("not-obtained", None, True)],
)  # fmt: skip
def test_a_view_of_the_heart_was_obtained_by_a_clip(view: str, image: UUID | None, may: bool) -> None:
    spots = [Spot(image=image)] if image else []
    found = lacking("echo", {"a4c": Answer(choice=view, seen_on=spots)})
    assert [one.why for key, one in found.items() if key == "a4c"] == ([] if may else ["unseen"])


@pytest.fixture
def case(db: object, places: Places) -> Reading:
    return claimed(places)


def form(case: Reading, template: str = "aorta", **changed: Any) -> GivenForm:
    whole = ticked(proximal=20, mid=18, distal=17, largest=20, aneurysm="none") | changed
    return GivenForm(template=template, answers=whole)


def image_of(case: Reading) -> UUID:
    with reading(WORKER) as session:
        return instances_of(session, case.referral.id)[0].id


def test_a_signed_report_says_what_was_ticked_and_is_ticked_again_for_a_change(case: Reading) -> None:
    image = KeyImage(image=image_of(case), note="Widest place.")
    draft = case.write(form=form(case), key_images=[image], findings="Calcified wall.", recommendation="None.")
    signed = case.sign(draft)
    assert signed.findings.startswith("Abdominal aorta, outer to outer, front to back\nProximal: 20 mm.")
    assert signed.findings.endswith("Not assessed: iliac arteries.\n\nCalcified wall.")
    source = json.loads(signed.canonical or "")
    assert source["findings"] == signed.findings
    assert source["form"]["answers"]["mid"] == {"numbers": [18]}
    assert source["key_images"] == [{"image": str(image.image), "frame": 1, "note": "Widest place."}]
    assert case.verdict().authentic
    again = case.amend()
    assert (again.findings, again.answers, again.template_id) == ("Calcified wall.", draft.answers, draft.template_id)
    changed = case.write(again.revision, form=form(case, mid=Answer(numbers=[19])), findings="Calcified wall.")
    second = case.sign(changed)
    assert "Middle: 19 mm." in second.findings
    assert second.findings.count("Calcified wall.") == 1
    assert case.verdict(1).authentic
    assert case.verdict(2).authentic


@pytest.mark.parametrize("part", ["form", "key_images"])
@ONE
def test_what_is_changed_in_a_signed_form_is_seen(case: Reading, part: str) -> None:
    signed = case.sign(case.write(form=form(case), key_images=[KeyImage(image=image_of(case))]))
    with transaction(WORKER) as session:
        row = session.get_one(ReportVersion, signed.id)
        changed = {**row.form, "answers": {}} if part == "form" and row.form else []
        setattr(row, part, changed)
    assert case.verdict().differs == [part]


@ONE
def test_signing_what_is_incomplete_gives_the_list_of_what_is_missing(case: Reading) -> None:
    draft = case.write(form=GivenForm(template="aorta", answers=ticked(proximal=20, aneurysm="none")))
    with pytest.raises(Invalid) as refusal:
        case.sign(draft)
    missing = refusal.value.facts["missing"]
    assert isinstance(missing, list)
    assert [(one["key"], one["why"]) for one in missing] == [
        ("mid", "missing"), ("distal", "missing"), ("largest", "missing"), ("aneurysm", "unfounded"),
    ]  # fmt: skip
    assert case.sign(case.write(draft.revision, form=None)).findings == "Stones."  # a free report lacks nothing


@ONE
def test_text_alone_saved_by_an_older_client_keeps_what_was_ticked(case: Reading) -> None:
    draft = case.write(form=form(case))
    later = case.write(draft.revision, findings="More.")
    assert (later.answers, later.template_id) == (draft.answers, draft.template_id)
    with pytest.raises(Conflict) as stale:
        case.write(draft.revision, form=form(case, mid=Answer(numbers=[30])))
    current_text: Any = stale.value.facts["current"]
    assert current_text["answers"] == later.answers


@ONE
def test_a_key_image_is_one_of_the_case(case: Reading) -> None:
    with pytest.raises(Invalid, match="no image of the case"):
        case.write(key_images=[KeyImage(image=uuid4())])
    with pytest.raises(Invalid, match="no such frame"):
        case.write(key_images=[KeyImage(image=image_of(case), frame=2)])


@ONE
def test_an_organization_changes_a_template_and_begun_reports_keep_theirs(case: Reading, places: Places) -> None:
    supervisor = people.somebody(places.hospital, Role.SUPERVISOR).actor
    body = body_of(shipped()["aorta"]) | {"title": {"en": "Our aorta"}}
    first = case.write(form=form(case))
    with transaction(supervisor) as session:
        own = edit_template.change(session, supervisor, places.hospital, Template.model_validate(body))
        assert edit_template.change(session, supervisor, places.hospital, Template.model_validate(body)).id == own.id
        found = current(session, places.hospital, "aorta")
        assert found
        assert (found.template.title, own.version) == ({"en": "Our aorta"}, 1)
        elsewhere = current(session, places.clinic, "aorta")
        assert elsewhere
        assert elsewhere.own is None
    assert case.write(first.revision, form=form(case)).template_id == first.template_id
    with transaction(supervisor) as session:
        edit_template.give_up(session, supervisor, places.hospital, "aorta")
        again = edit_template.change(session, supervisor, places.hospital, Template.model_validate(body))
        assert again.version == 2
    with pytest.raises(Forbidden), transaction(places.reviewer.actor) as session:
        edit_template.give_up(session, places.reviewer.actor, places.hospital, "aorta")


def test_an_organization_cannot_take_the_guards_away() -> None:
    fast = json.loads(json.dumps(body_of(shipped()["fast"])))
    for option in fast["sections"][0]["items"][-1]["options"]:
        option.pop("needs", None)
    early = body_of(shipped()["ob-first-trimester"])
    early.pop("advice")
    for body in (fast, {**fast, "code": "our-fast"}, early):
        with pytest.raises(Invalid):
            edit_template.refuse_unguarded(Template.model_validate(body))


@ONE
def test_a_free_report_from_before_verifies_as_it_did(case: Reading) -> None:
    signed = case.sign(case.write())
    assert {"form", "key_images"} & json.loads(signed.canonical or "{}").keys() == set()
    with reading(WORKER) as session:
        review = loaded(session, case.reader.actor, case.review_id)
        assert isinstance(review, Review)
        assert filled.filled(session, review, signed) is None
    assert amend.current(case.report()).findings == "Stones."
    assert case.verdict().authentic
