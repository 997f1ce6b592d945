"""A typed text that says what a form would say only on conditions is asked about, and what was meant is kept; few others are."""

import json
from typing import Any

import pytest
import sqlalchemy as sa

from app.access.actor import WORKER
from app.db import reading, transaction
from app.errors import Invalid
from app.people.models import Role
from app.reports.answers import Answer, GivenForm, Spot
from app.reports.claims import claims, said_in
from app.reports.models import ReportVersion
from app.reviews import claim as claiming
from app.reviews.models import Review
from app.reviews.step import loaded
from app.studies.images import instances_of
from tests import people
from tests.people import Places
from tests.referrals.test_place import submitted
from tests.reports.test_signing import Reading
from tests.studies.sent import a_dicom, send
from tests.web.cases import numbered_clip

ONE = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
SAID = {
    "pregnancy-loss": [
        "Missed miscarriage.", "Early pregnancy loss", "No cardiac activity: missed miscarriage.",
        "No fetal heart activity consistent with missed miscarriage.", "CRL 9 mm, no heartbeat. Pregnancy loss.",
        "Findings are diagnostic of a failed intrauterine pregnancy", "Non-viable pregnancy at 8 weeks.",
        "The pregnancy is not viable.", "Blighted ovum, sac 20 mm.", "Intrauterine fetal demise.",
        "This meets the criteria for pregnancy loss.", "Probable miscarriage.", "MISSED  MISCARRIAGE",
        "Grossesse arrêtée.", "Pas d’activité cardiaque : grossesse arrêtée.", "Grossesse intra-utérine non évolutive",
        "Œuf clair de 20 mm", "Oeuf clair", "Absence d'activité cardiaque en faveur d'une grossesse arrêtée.",
        "Mort fœtale in utero", "Fausse couche en cours.", "La grossesse n’est plus évolutive.",
        "Il s’agit d’une grossesse arrêtée.", "The embryo has died.", "The fetus is dead.", "Demise of the embryo",
        "Missed AB.", "Products of a failed early pregnancy.", "There is no heartbeat, pregnancy has ended.",
        "No heartbeat and the embryo has died.", "Loss of the pregnancy.", "The pregnancy is no longer viable.",
        "L’embryon est mort.", "Mort de l’embryon", "Décès de l’embryon.", "La grossesse s’est arrêtée.", "FCS.",
        "Échec de grossesse précoce.", "Pas d’activité cardiaque, la grossesse est terminée.",
    ],
    "no-free-fluid": [
        "No free fluid.", "There is no free fluid.", "No fracture seen, no free fluid", "No free fluid seen, pelvis not assessed.",
        "FAST negative.", "eFAST: negative", "No free fluid in the abdomen.", "Negative FAST",
        "Pas de liquide libre.", "Il n’y a pas de liquide libre.", "Absence d’épanchement intra-péritonéal", "FAST négative",
        "No fluid in the abdomen.", "No FF.", "FAST scan negative.", "No intraperitoneal fluid.", "No evidence of free fluid.",
        "Abdomen clear of fluid", "No free fluid in the pelvis. FAST neg.", "The abdomen is free of fluid", "No fluid seen.",
        "No intra-abdominal fluid", "No ultrasound evidence of free fluid in the abdomen", "FAST exam: negative",
        "FAST -ve", "FAST (negative)", "Scan negative for free fluid.", "No FF in abdomen", "Free fluid: none",
        "No free fluid in the pelvis or abdomen.", "No free fluid at present.",
        "Pas de liquide dans l’abdomen.", "Pas d’épanchement.", "Aucun épanchement intrapéritonéal", "Écho FAST : négative",
        "Pas de liquide intra-péritonéal.", "Pas d’argument en faveur d’un épanchement abdominal", "Abdomen sans liquide",
        "Pas de liquide libre dans le pelvis. FAST nég.", "Aucun signe de liquide libre dans le ventre",
    ],
    "unknown-location": [
        "Pregnancy of unknown location.", "Grossesse de localisation inconnue", "PUL.", "Probable PUL: repeat hCG", "GLI.",
    ],
    "empty-uterus": [
        "The uterus is empty.", "Empty uterus, no adnexal mass", "Utérus vide.", "Pas de sac gestationnel visible",
        "No pregnancy seen in the uterus.", "No evidence of an intrauterine pregnancy", "No IUP.", "The uterine cavity is empty",
        "Pas de grossesse visible dans l’utérus.", "Aucune grossesse vue dans l’utérus", "La cavité utérine est vide.",
    ],
}  # fmt: skip
UNSAID = [
    "Uncertain viability: repeat the scan in 10 days.", "No pregnancy loss.", "No evidence of pregnancy loss.",
    "No sonographic evidence of early pregnancy loss.", "There are no features of missed miscarriage.",
    "Does not meet the criteria for pregnancy loss.", "Cannot diagnose pregnancy loss on this scan.",
    "Pregnancy loss is not proven.", "Pregnancy loss cannot be excluded.", "Pregnancy loss?", "Missed miscarriage is unlikely.",
    "Previous miscarriage.", "History of two miscarriages and one missed miscarriage.", "Threatened miscarriage.",
    "Risk of miscarriage discussed.", "Suspicious for pregnancy loss: repeat in 7 days.", "To rule out pregnancy loss.",
    "Viable pregnancy.", "A live intrauterine pregnancy.", "Heartbeat 150/min.", "Criteria of pregnancy loss are not met.",
    "Pas de grossesse arrêtée.", "Pas d’argument en faveur d’une grossesse arrêtée.", "Antécédent de fausse couche.",
    "Menace de fausse couche.", "Risque de fausse couche", "Grossesse évolutive.", "Grossesse arrêtée non exclue.",
    "Suspicion de grossesse arrêtée, à revoir dans 10 jours.", "Grossesse arrêtée ?", "Deux fausses couches antérieures",
    "Free fluid in the pelvis.", "No free fluid in the pelvis.", "No free fluid was seen in Morison’s pouch.",
    "It cannot be said that there is no free fluid.", "Free fluid is not excluded.", "A little free fluid.",
    "Pas de liquide libre dans le cul-de-sac.", "On ne peut pas dire qu’il n’y a pas de liquide libre.", "Liquide libre abondant.",
    "Mass of unknown location.", "Intra-uterine pregnancy.", "The bladder is empty.", "Vessie vide.", "",
    "No pelvic free fluid was looked for", "No free fluid was looked for.", "The bladder holds fluid", "off", "No offer",
    "no free text",
    "Small amount of free fluid", "Fluid-filled stomach", "No fluid-filled bowel", "No fluid collection.", "No fluid level.",
    "No FF in the pelvis.", "No fluid in the bladder.", "No evidence of free fluid in the left upper quadrant", "No pleural fluid.",
    "FAST scan not negative", "FAST scan positive.", "If the FAST scan is negative, repeat it.", "FAST neg?",
    "Pelvis clear of fluid",
    "Abdomen not clear of fluid", "Free fluid was not excluded.", "Breakfast: negative", "A fast heart. Negative test.",
    "No clear view, fluid in the abdomen", "No scan before.\nFluid in the abdomen",
    "Heartbeat present", "History of missed abortion in 2019", "Previous missed AB", "The embryo has not died.",
    "It cannot be said that the embryo has died.", "Has the embryo died?", "If the embryo has died, call her.",
    "No demise of the embryo.",
    "Failed pregnancy test.", "Her last pregnancy ended at term.", "The pregnancy has not ended.", "Absent AB line",
    "The pregnancy is viable.",
    "puls", "Pulse 90", "PUL?", "Not a PUL.", "Pul artery normal", "No fibroid seen in the uterus.",
    "A pregnancy is seen in the uterus",
    "No pregnancy complication seen; sac in the uterus", "No viable pregnancy criteria assessed in the uterus", "No IUD.",
    "No living pregnancy in the uterus", "Pas de grossesse évolutive dans l’utérus",
    "Pas de liquide dans le pelvis.", "Pas d’épanchement pleural.", "Pas de liquide amniotique.",
    "Peu de liquide libre", "Pas de liquide libre recherché",
    "Pas de liquide libre à droite", "FAST non négative", "Si la FAST est négative, la répéter.", "La vessie contient du liquide",
    "Pas de texte libre", "L’embryon n’est pas mort.", "Pas de mort de l’embryon", "Risque de perte de la grossesse",
    "Antécédent de FCS", "La grossesse n’est pas terminée.", "Pas de GLI", "Grossesse visible dans l’utérus.",
    "Pas de fibrome visible dans l’utérus", "L’utérus n’est pas vide.",
]  # fmt: skip


def found(text: str) -> set[str]:
    return {one.code for one in claims().claims if any(said_in(text, one))}


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in SAID.items() for text in texts])
def test_what_is_said_is_found(code: str, text: str) -> None:
    assert found(text) == {code}


@pytest.mark.parametrize("text", UNSAID)
def test_what_is_denied_doubted_or_past_is_not_said(text: str) -> None:
    assert found(text) == set()


def test_every_claim_is_asked_about_in_every_language_of_the_pages_and_its_words_are_plain() -> None:
    for one in claims().claims:
        assert one.asks.keys() == one.phrases.keys() == {"en", "fr"}
        assert next(said_in(one.phrases["fr"][0], one)) == one.phrases["fr"][0]
    for words in claims().words.values():
        lists = (words.before, words.after, words.skip_before, words.skip_after, words.between)
        assert all(word == word.lower() and word.isascii() for each in lists for word in each)


def claimed(places: Places, body: bytes | None = None, **changed: Any) -> Reading:
    referral = submitted(places.referrer, **changed)
    send(places.referrer, referral, body or a_dicom())
    with transaction(places.reviewer.actor) as session:
        review_id = session.scalars(sa.select(Review.id).where(Review.referral_id == referral.id)).one()
        claiming.claim(session, places.reviewer.actor, loaded(session, places.reviewer.actor, review_id))
    return Reading(places.reviewer, referral, review_id)


def codes(refusal: Invalid) -> list[tuple[str, str]]:
    asks: Any = refusal.facts["asks"]
    return [(one["code"], one["words"]) for one in asks]


def test_it_is_signed_once_it_is_said_to_be_meant_and_that_is_kept(db: object, places: Places) -> None:
    case = claimed(places, exam_type="ob-first-trimester")
    draft = case.write(findings="Sac without embryo.", impression="Early pregnancy loss.")
    for meant in ([], ["no-free-fluid"]):
        with pytest.raises(Invalid) as refused:
            case.sign(draft, meant=meant)
        assert (refused.value.field, codes(refused.value)) == ("meant", [("pregnancy-loss", "pregnancy loss")])
    signed = case.sign(draft, meant=["pregnancy-loss", "no-free-fluid"])
    assert signed.meant == [{"code": "pregnancy-loss", "words": "pregnancy loss"}]
    assert json.loads(signed.canonical or "")["meant"] == signed.meant
    assert case.verdict().authentic
    with transaction(WORKER) as session:
        session.get_one(ReportVersion, signed.id).meant = []
    assert case.verdict().differs == ["meant"]
    again = case.amend()
    assert again.meant == []
    with pytest.raises(Invalid):  # another version is another signature
        case.sign(case.write(again.revision, impression="Early pregnancy loss."))


@ONE
def test_what_is_ticked_bears_it_out(db: object, places: Places) -> None:
    case = claimed(places, numbered_clip(), exam_type="ob-first-trimester")
    with reading(WORKER) as session:
        clip = instances_of(session, case.referral.id)[0].id
    answers = {
        "location": Answer(choice="intrauterine"), "embryos": Answer(numbers=[1]), "sac": Answer(choice="regular"),
        "yolk-sac": Answer(choice="seen"), "embryo": Answer(choice="seen"), "crl": Answer(numbers=[9]),
        "cardiac": Answer(choice="absent", seen_on=[Spot(image=clip, frame=3)]), "viability": Answer(choice="loss"),
        "uterus": Answer(choices=["normal"]), "cervix": Answer(choice="closed"), "adnexa": Answer(choices=["normal"]),
        "cul-de-sac": Answer(choice="none"),
    }  # fmt: skip
    uncertain = answers | {"viability": Answer(choice="uncertain")}
    draft = case.write(
        form=GivenForm(template="ob-first-trimester", answers=uncertain), impression="Missed miscarriage."
    )
    with pytest.raises(Invalid) as refused:
        case.sign(draft)
    assert codes(refused.value) == [("pregnancy-loss", "miscarriage")]
    ticked = case.write(draft.revision, form=GivenForm(template="ob-first-trimester", answers=answers),
                        impression="Missed miscarriage.")  # fmt: skip
    assert case.sign(ticked).meant == []


@ONE
@pytest.mark.parametrize(
    ("exam_type", "obstetric", "text", "advice", "asked"),
    [
        ("fast", None, "No free fluid.", "None.", ["no-free-fluid"]),
        ("abdomen", None, "No free fluid.", "None.", []),  # of an abdomen it is a finding like others
        ("pelvis", None, "Pregnancy of unknown location.", "Follow up.", ["unknown-location"]),
        ("pelvis", None, "Pregnancy of unknown location.", "Repeat hCG in 48 hours.", []),
        ("pelvis", {"pregnancy_test": "positive"}, "Empty uterus.", "None.", ["empty-uterus"]),
        ("pelvis", {"pregnancy_test": "positive"}, "Empty uterus.", "May be ectopic: send her at once for pain.", []),
        ("pelvis", {"pregnancy_test": "negative"}, "Empty uterus.", "None.", []),
        ("pelvis", {"pregnancy_test": "positive"}, "Utérus vide.", "Possible grossesse extra-utérine.", []),
    ],
)
def test_what_is_asked_depends_on_exam_test_and_advice(
    db: object, places: Places, exam_type: str, obstetric: Any, text: str, advice: str, asked: list[str]
) -> None:
    case = claimed(places, exam_type=exam_type, obstetric=obstetric)
    draft = case.write(findings="", impression=text, recommendation=advice)
    if not asked:
        assert case.sign(draft).meant == []
        return
    with pytest.raises(Invalid) as refused:
        case.sign(draft)
    assert [code for code, _words in codes(refused.value)] == asked


@ONE
def test_what_a_supervised_reader_meant_stands_in_what_is_counter_signed(db: object, places: Places) -> None:
    supervisor = people.somebody(places.hospital, Role.SUPERVISOR)
    people.supervise(places.hospital, places.reviewer)
    case = claimed(places, exam_type="fast")
    waiting = case.sign(case.write(impression="No free fluid."), meant=["no-free-fluid"])
    final = case.sign(waiting, supervisor)
    assert final.meant == waiting.meant == [{"code": "no-free-fluid", "words": "No free fluid"}]
    assert case.verdict(2).authentic
