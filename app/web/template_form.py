"""A template as a form that its organization edits: its words, what is required, what is added and taken away."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from app.errors import Invalid, Sentence
from app.languages import LANGUAGES
from app.reports.answers import Answer, Answers
from app.reports.template import Template
from app.web.forms import Form

Body = dict[str, Any]
MIDDLE = 10.0  # of a number without bounds, in the example


def checked(body: object) -> Template:
    """The template, or what is wrong with it and where, by the name of the field."""
    try:
        return Template.model_validate(body)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        where, why = ".".join(str(part) for part in first["loc"]), first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            raise Invalid(Sentence("There is no such field: {field}", field=where), field="template") from wrong
        raise Invalid(Sentence("{field}: {why}", field=where or "template", why=why), field="template") from wrong


def edited(body: Body, form: Form) -> Body:
    """The body with what the fields say; what has no field stays as it is."""
    _words(body, "title", form, "title")
    for section in body["sections"]:
        at = f"section.{section['code']}"
        _words(section, "title", form, f"{at}.title")
        section["required"] = bool(form.value(f"{at}.required"))
        section["items"] = [_item(one, form) for one in _in_order(section["items"], form)]
        section["items"] += list(_added(body, form, at))
    for name, options in body.get("sets", {}).items():
        body["sets"][name] = _options(options, form, f"set.{name}")
    body["sections"] = [one for one in body["sections"] if one["items"]]
    first = list(_added(body, form, "new"))
    title = {code: form.value(f"new.title.{code}").strip() for code in LANGUAGES}
    if any(title.values()):
        code = _code(title.get("en") or "", {one["code"] for one in body["sections"]})
        body["sections"].append({"code": code, "title": _said(title), "items": first})
    return body


def example(template: Template) -> Answers:
    """Everything ticked as it is normally, to show what that comes to."""
    answers: Answers = {}
    for line in template.lines():
        if line.n > 1:
            continue
        normal = [one.code for one in line.options if one.normal] or [one.code for one in line.options[:1]]
        low, high = line.item.at_least, line.item.at_most
        number = round(low + (high - low) / 3) if low is not None and high is not None else MIDDLE
        answers[line.key] = {
            "choice": Answer(choice=normal[0] if normal else None), "choices": Answer(choices=normal[:1]),
            "number": Answer(numbers=[number]), "size": Answer(numbers=[number] * 3), "text": Answer(text="…"),
        }[line.item.kind]  # fmt: skip
    return answers


def _item(item: Body, form: Form) -> Body:
    at = f"item.{item['code']}"
    _words(item, "label", form, f"{at}.label")
    required = form.value(f"{at}.required")
    item.pop("required", None)
    if required:
        item["required"] = required == "yes"
    if "options" in item:
        item["options"] = _options(item["options"], form, at)
    return item


def _options(options: list[Body], form: Form, at: str) -> list[Body]:
    kept = [one for one in options if not form.value(f"{at}.{one['code']}.gone")]
    for one in kept:
        _words(one, "label", form, f"{at}.{one['code']}.label")
        if one.get("says"):
            _words(one, "says", form, f"{at}.{one['code']}.says")
    return kept + _typed_options(form.value(f"{at}.add"), {one["code"] for one in options})


def _typed_options(text: str, taken: set[str]) -> list[Body]:
    """A line each, the languages beside one another: 'enlarged | augmentée'."""
    made: list[Body] = []
    for line in text.splitlines():
        words = [part.strip() for part in line.split("|")]
        if any(words):
            code = _code(words[0], taken)
            taken = taken | {code}
            made.append({"code": code, "label": _said(dict(zip(LANGUAGES, words, strict=False)))})
    return made


def _added(body: Body, form: Form, at: str) -> Iterator[Body]:
    label = {code: form.value(f"{at}.add.label.{code}").strip() for code in LANGUAGES}
    if not any(label.values()):
        return
    taken = {item["code"] for section in body["sections"] for item in section["items"]}
    item: Body = {
        "code": _code(label.get("en") or "", taken),
        "label": _said(label),
        "kind": form.value(f"{at}.add.kind") or "choice",
    }
    if item["kind"] in ("choice", "choices"):
        item["options"] = _typed_options(form.value(f"{at}.add.options"), set())
    elif item["kind"] != "text":
        item["unit"] = form.value(f"{at}.add.unit")
    yield item


def _in_order(items: list[Body], form: Form) -> list[Body]:
    kept = [one for one in items if not form.value(f"item.{one['code']}.gone")]

    def place(pair: tuple[int, Body]) -> tuple[float, int]:
        n, one = pair
        typed = form.value(f"item.{one['code']}.place")
        return (float(typed) if re.fullmatch(r"\d{1,3}(\.\d)?", typed) else n + 1, n)

    return [one for _n, one in sorted(enumerate(kept), key=place)]


def _words(part: Body, name: str, form: Form, at: str) -> None:
    typed = {code: form.value(f"{at}.{code}").strip() for code in LANGUAGES if f"{at}.{code}" in form.given}
    part[name] = _said({**part[name], **typed})


def _said(words: dict[str, str]) -> dict[str, str]:
    return {code: each for code, each in words.items() if each}


def _code(label: str, taken: set[str]) -> str:
    """'Echo pattern' → `echo-pattern`, with a number where that is taken."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:34].strip("-") or "item"
    return next(code for n in range(1, 1000) if (code := base if n == 1 else f"{base}-{n}") not in taken)
