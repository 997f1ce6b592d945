"""What an entered date comes to, said beside its field while a slip can still be seen: '= 34 y', '= 11w3d today'."""

from datetime import date

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from markupsafe import escape

from app.http.actor import Acting
from app.languages import Speech
from app.referrals.dating import gestation
from app.reports import words as clinical
from app.web.forms import Fields, Form
from app.web.pages import head_of, in_weeks
from app.web.referring import birth_date
from app.web.words import speech_of

router = APIRouter(include_in_schema=False)


@router.post("/referrals/echo")
def echo(request: Request, who: Acting, form: Fields, of: str = "born") -> Response:
    """By POST, although nothing changes: a date of birth stands in no address."""
    say, today = speech_of(request, who), clinical.today(head_of(who).zone)
    return HTMLResponse(escape(weeks(form, today, say) if of == "weeks" else born(form, today, say)))


def born(form: Form, today: date, say: Speech) -> str:
    given = birth_date(form)
    age = clinical.age(given, today, say.gettext) if given else ""
    return f"= {age}" if age else ""


def weeks(form: Form, today: date, say: Speech) -> str:
    given = {"lmp": form.value("lmp"), "edd": form.value("edd"), "lmp_certain": form.value("lmp_certain") != "false"}
    dated = gestation(given, today)
    return say.gettext("= {weeks} today").format(weeks=in_weeks(dated, say)) if dated else ""
