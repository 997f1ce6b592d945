"""How soon an answer is needed, in the times of who asks and who reads: they differ by where a referral goes."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from fastapi import APIRouter, Request, Response

from app.access.actor import Actor
from app.db import reading
from app.http.actor import Acting
from app.people.models import Organization
from app.people.reading import readers_for
from app.referrals import deadlines
from app.referrals.models import Priority
from app.referrals.ours import own
from app.web.forms import Fields, Form
from app.web.pages import render

router = APIRouter(include_in_schema=False)
Ways = Sequence[tuple[Organization, Organization]]  # from whom, to whom
Spans = Mapping[Priority, Sequence[tuple[str, timedelta]]]


@router.post("/referrals/new/urgency")
def show_urgency(request: Request, who: Acting, form: Fields) -> Response:
    """As soon as the destination is chosen."""
    return render(request, who, "urgency.html", form=form, spans=spans(chosen(ways(who), form)))


def ways(who: Actor) -> Ways:
    """From each organization for which the person refers to each that reads for it."""
    with reading(who) as session:
        return [(sender, reader) for sender in own(session, who) for reader in readers_for(session, sender.id)]


def chosen(among: Ways, form: Form) -> Ways:
    """Those that the form leaves open; all of them where what it says is none."""
    wanted = (form.value("organization_id"), form.value("reading_organization_id"))
    left = [way for way in among if all(not name or name == str(one.id) for name, one in zip(wanted, way, strict=True))]
    return left or among


def spans(among: Ways) -> Spans:
    """Each time once, and where several are possible still, whose it is."""
    if not among:
        return {each: [("", span)] for each, span in deadlines.table().items()}
    tables = [(sender, reader, deadlines.table(sender, reader)) for sender, reader in among]
    several = [len({way[side].id for way in among}) > 1 for side in (0, 1)]
    found: dict[Priority, list[tuple[str, timedelta]]] = {}
    for each in Priority:
        named: dict[timedelta, list[str]] = {}
        for sender, reader, table in tables:
            name = " → ".join(one.name for one, shown in zip((sender, reader), several, strict=True) if shown)
            named.setdefault(table[each], []).append(name)
        found[each] = [(", ".join(names) if len(named) > 1 else "", span) for span, names in sorted(named.items())]
    return found
