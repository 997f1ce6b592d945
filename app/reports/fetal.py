"""A pregnancy in words: what its date rests on, how each fetus measures, and why a number is not there."""

from collections.abc import Iterable
from typing import Any

from app.languages import Speech
from app.referrals.fetal_age import Corresponds
from app.referrals.fetal_weight import Weight
from app.referrals.pregnancy import Dating, Pregnancy
from app.reports import dated
from app.reports import words as clinical
from app.studies.growth import Fetus, Growth, Size


def weeks(days: int, spoken: Speech) -> str:
    """'27w2d'."""
    return spoken.gettext("{weeks}w{days}d").format(weeks=days // 7, days=days % 7)


def edd_line(known: Pregnancy | Dating, spoken: Speech) -> str:
    """'7 Dec 2026, by CRL'."""
    return dated.line(known.edd, known.basis, spoken.language, spoken.gettext, is_certain=known.is_certain)


def age_line(found: Growth, spoken: Speech) -> str:
    """'31w4d on 10 Sep 2026'."""
    if found.age is None or found.examined.on is None:
        return ""
    age = weeks(found.age.weeks * 7 + found.age.days, spoken)
    words = spoken.gettext("{weeks} on {day}").format(weeks=age, day=clinical.day(found.examined.on, spoken.language))
    return words if found.age.is_certain else f"~{words}"


def dated_line(found: Growth, spoken: Speech) -> str:
    """For the report: the weeks with the date and its basis."""
    if found.pregnancy is None or not (age := age_line(found, spoken)):
        return ""
    words = spoken.gettext("Gestational age {age}; expected delivery {edd}.")
    return words.format(age=age, edd=edd_line(found.pregnancy, spoken))


def age_by_edd(found: Growth, spoken: Speech) -> str:
    """'31w4d on 10 Sep 2026, by the due date 7 Dec 2026'."""
    if found.pregnancy is None or not (age := age_line(found, spoken)):
        return ""
    due = clinical.day(found.pregnancy.edd, spoken.language)
    return spoken.gettext("{age}, by the due date {day}").format(age=age, day=due)


def size_line(size: Size, spoken: Speech) -> str:
    """'HC 175.0 mm'; '≈' stays for good, and a machine's says so."""
    words = f"{size.quantity} {'≈ ' if size.approximate else ''}{clinical_number(size.millimetres, 1, spoken)} mm"
    return f"{words} ({spoken.gettext('measured by the machine')})" if size.by_machine else words


def machine_line(size: Size, spoken: Speech) -> str:
    """What stands beside a reader's own: 'measured by the machine: 172.0 mm'."""
    if size.machine_mm is None:
        return ""
    number = f"{clinical_number(size.machine_mm, 1, spoken)} mm"
    return spoken.gettext("measured by the machine: {size}").format(size=number)


def clinical_number(value: float, digits: int, spoken: Speech) -> str:
    """Without a separator of thousands: '1953'."""
    return f"{value:.{digits}f}".replace(".", spoken.decimal)


def corresponds_line(size: Corresponds, spoken: Speech) -> str:
    return spoken.gettext("size corresponds to {age} ({by})").format(age=weeks(size.days, spoken), by=size.formula)


def weight_line(weight: Weight, spoken: Speech, *, approximate: bool = False) -> str:
    """'≈ 1953 g, centile 50: Hadlock 1985 (…) on the chart Hadlock 1991', or why not."""
    _ = spoken.gettext
    if weight.grams is None or weight.centile is None:
        return _("no weight by {formula}: {reason}").format(formula=weight.formula, reason=no_weight(weight, spoken))
    return _("estimated weight {sign}{grams} g, centile {centile} ({formula}, chart {chart})").format(
        sign="≈ " if approximate else "", grams=f"{weight.grams:.0f}", centile=centile(weight.centile),
        formula=weight.formula, chart=weight.chart,
    )  # fmt: skip


def by_formula(weight: Weight, spoken: Speech, *, approximate: bool) -> str:
    """What stands beside a weight."""
    if approximate:
        words = spoken.gettext("≈, of sizes by the ruler on the screen, by {formula}")
    else:
        words = spoken.gettext("By {formula}")
    return words.format(formula=weight.formula)


def centile_line(weight: Weight, found: Growth, spoken: Speech) -> str:
    """'centile 50 (chart Hadlock 1991, at 31w4d)': there is none without an age."""
    if weight.centile is None or found.age is None:
        return ""
    return spoken.gettext("centile {centile} (chart {chart}, at {age})").format(
        centile=centile(weight.centile), chart=weight.chart, age=weeks(found.age.weeks * 7 + found.age.days, spoken)
    )


def of_sizes(fetus: Fetus, weight: Weight, spoken: Speech) -> str:
    """Where a weight comes from."""
    if fetus.name:
        words = spoken.gettext("from the sizes of fetus {name} measured here, by {formula}")
    else:
        words = spoken.gettext("from the sizes measured here, by {formula}")
    return words.format(name=fetus.name, formula=weight.formula)


def no_weight(weight: Weight, spoken: Speech) -> str:
    _ = spoken.gettext
    return {
        "sizes": _("{sizes} not measured").format(sizes=", ".join(weight.missing)),
        "size-range": _("a size lies outside its range"), "undated": _("no date is known"),
        "uncertain": _("the age is not certain"),
        "age-range": _("the age lies outside the chart {chart}").format(chart=weight.chart),
    }.get(weight.reason, weight.reason)  # fmt: skip


def centile(value: float) -> str:
    """Never 0 and never 100: nobody is below or above all."""
    return "< 1" if value < 1 else "> 99" if value > 99 else f"{value:.0f}"


def fetus_lines(fetus: Fetus, spoken: Speech) -> Iterable[str]:
    """For the report: sizes, what they correspond to together, and the weights that there are."""
    sizes = ", ".join(size_line(one, spoken) for one in fetus.sizes)
    called = spoken.gettext("Fetus {name}:").format(name=fetus.name) + " " if fetus.name else ""
    yield f"{called}{sizes}"
    if fetus.by_all is not None:
        yield corresponds_line(fetus.by_all, spoken)
    yield from (
        weight_line(one, spoken, approximate=fetus.approximate) for one in fetus.weights if one.grams is not None
    )


def proposal_line(found: Growth, spoken: Speech) -> str:
    proposal, scan, _ = found.proposal, found.scan, spoken.gettext
    if proposal is None or scan is None:
        return ""
    by = weeks(scan.days, spoken)
    if proposal.act == "date":
        return _("No date is known. By this scan it is {by}.").format(by=by)
    so_far = weeks(scan.days + (proposal.differs_days or 0), spoken)
    if proposal.act == "confirm":
        return _("The scan ({by}) agrees with the last period ({so_far}).").format(by=by, so_far=so_far)
    apart = abs(proposal.differs_days or 0)
    return spoken.ngettext(
        "By the last period it is {so_far}, by the scan {by}: {n} day apart, more than the {limit} of ACOG 700.",
        "By the last period it is {so_far}, by the scan {by}: {n} days apart, more than the {limit} of ACOG 700.", apart,
    ).format(so_far=so_far, by=by, n=apart, limit=proposal.limit_days)  # fmt: skip


def rests_on(dating: Dating, spoken: Speech) -> str:
    """What an earlier date rested on, as far as it is a day, a size or somebody's words."""
    _, said = spoken.gettext, dating.detail
    parts: list[Any] = []
    for name, words in (("lmp", _("period on {day}")), ("transferred_on", _("transfer on {day}")),
                        ("conceived_on", _("conception on {day}")), ("examined_on", _("scan on {day}"))):  # fmt: skip
        if name in said:
            parts.append(words.format(day=clinical.day(str(said[name]), spoken.language)))
    if "crl_mm" in said:
        parts.append(f"CRL {said['crl_mm']} mm")
    if isinstance(said.get("days"), int):
        parts.append(weeks(said["days"], spoken))
    return ", ".join([*parts, *([said["note"]] if said.get("note") else [])])
