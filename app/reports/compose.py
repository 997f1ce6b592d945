"""The text of a ticked report: a sentence for what is ticked, and by name what was not assessed."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

from app.reports import words
from app.reports.answers import Answer, Answers, Known, kept
from app.reports.lacking import advised, applies, chosen, counted, is_contradicted, is_founded
from app.reports.linked import is_of
from app.reports.template import Line, Template, parts_of, said
from app.reports.words import Gettext
from app.studies.measurement import Measurement


@dataclass(frozen=True)
class Written:
    """What ticks come to, in one language."""

    findings: str
    advice: list[str]
    sections: list[dict[str, Any]]  # the same by code, for machines


def compose(
    template: Template, answers: Answers, known: Known, language: str, measured: dict[UUID, Measurement]
) -> Written:
    looked_at = counted(template, answers)
    writer = _Writer(answers, known, words.bare(language), measured, {code for code, n in looked_at if n > 1})
    paragraphs: list[str] = []
    sections: list[dict[str, Any]] = []
    untouched: list[str] = []
    for (_code, n), grouped in groupby(template.lines(), key=lambda line: (line.section.code, line.n)):
        lines = [line for line in grouped if applies(line, answers, known)]
        section = next((line.section for line in lines), None)
        if section is None:
            continue
        ticked = [line for line in lines if line.key in answers and not answers[line.key].is_empty]
        title = writer.title(lines[0])
        if not ticked:
            untouched += [title] if (section.code, n) in looked_at and not section.folded else []
            continue
        paragraphs.append(f"{title}\n{writer.paragraph(lines)}")
        sections.append({"code": section.code, "n": n, "title": title, "codes": section.codes,
                         "items": [writer.item(line) for line in ticked]})  # fmt: skip
    if untouched:
        paragraphs.append(writer.not_assessed(untouched))
    advice = [said(one.says, writer.language) for one in advised(template, answers, known)]
    advice += [one for one in writer.instead if one not in advice]
    return Written("\n\n".join(paragraphs), advice, sections)


def frozen(
    template: Template, answers: Answers, written: Written, language: str, typed: dict[str, str]
) -> dict[str, Any]:
    """What is signed of the form beside its text."""
    return {
        "template": {"code": template.code, "version": template.version, "title": said(template.title, words.bare(language)),
                     "codes": template.codes},
        "answers": kept(answers), "sections": written.sections, "advice": written.advice, "typed": typed,
    }  # fmt: skip


class _Writer:
    def __init__(
        self, answers: Answers, known: Known, language: str, measured: dict[UUID, Measurement], several: set[str]
    ) -> None:  # fmt: skip
        self.answers, self.known, self.language, self.measured = answers, known, language, measured
        self.say: Gettext = words.in_language(language)
        self.many = {key.partition("~")[0] for key in answers if "~" in key}  # items said more than once
        self.several = several  # sections of which there are more than one, by the number given
        self.instead: dict[str, None] = {}  # said where a choice was not founded: advice, too

    def title(self, line: Line) -> str:
        """With its number where there are several."""
        section = line.section
        several = section.code in self.several or any(
            parts_of(key)[0] == item.code for key in self.many for item in section.items
        )
        if section.each is None or not several:
            return said(section.title, self.language)
        return said(section.each, self.language).replace("{n}", str(line.n))

    def paragraph(self, lines: list[Line]) -> str:
        sentences = [self.sentence(line) for line in lines if line.key in self.answers]
        left = [
            line.label(self.language) for line in lines
            if self.answers.get(line.key, Answer()).is_empty and not line.item.detail and line.item.kind != "text"
        ]  # fmt: skip
        return " ".join([*filter(None, sentences), *([self.not_assessed(left)] if left else [])])

    def not_assessed(self, names: list[str]) -> str:
        return self.say("Not assessed: {names}.").format(names=", ".join(_inside(name) for name in names))

    def sentence(self, line: Line) -> str:
        answer, label = self.answers[line.key], line.label(self.language)
        if answer.is_empty:
            return ""
        if answer.unclear:
            return _joined(self.say("{item}: could not be assessed.").format(item=label), answer.text)
        where = self.where(line, answer)
        if not (answer.choice or answer.choices or answer.numbers):
            return self.say("{item}: {value}").format(item=label, value=_ended(answer.text))
        if line.item.is_choice:
            return _joined(self.chosen(line, answer, label, where), answer.text)
        value = self.value(line, answer)
        return _joined(self.say("{item}: {value}").format(item=label, value=f"{value}{where}."), answer.text)

    def chosen(self, line: Line, answer: Answer, label: str, where: str) -> str:
        own: list[str] = []
        plain: list[str] = []
        for option in chosen(line, answer):
            if not is_founded(option, line, self.answers, self.known):
                is_against = is_contradicted(option, line, self.answers, self.known)
                instead = said(option.otherwise, self.language) if option.otherwise and not is_against else ""
                self.instead |= {instead: None} if instead else {}
                own += [instead] if instead else []
            elif option.says:
                own.append(said(option.says, self.language))
            else:
                plain.append(said(option.label, self.language))
        listed = [self.say("{item}: {value}").format(item=label, value=", ".join(plain) + ".")] if plain else []
        sentences = [*own, *listed]
        if where and sentences:
            sentences[-1] = f"{sentences[-1].removesuffix('.')}{where}."
        return " ".join(sentences)

    def value(self, line: Line, answer: Answer) -> str:
        numbers = " × ".join(f"{one:g}" for one in answer.numbers)
        about = "≈ " if any(one.approximate for one in self.links(line, answer)) else ""
        return f"{about}{numbers} {line.item.unit}".strip()

    def where(self, line: Line, answer: Answer) -> str:
        """' (image 3)', of where it was measured or seen; of a machine's number that it is one."""
        links = self.links(line, answer)
        spots = [(one.instance_id, one.frame) for one in links]
        spots += [(spot.image, spot.frame) for spot in answer.seen_on]
        named = [self.say("measured by the machine")] if any(one.kind == "machine" for one in links) else []
        named += [self.spot(*spot) for spot in dict.fromkeys(spots) if spot[0] in self.known.images]
        return f" ({', '.join(named)})" if named else ""

    def spot(self, image: UUID, frame: int) -> str:
        place, is_clip = self.known.images[image]
        if is_clip:
            return self.say("clip {n}, frame {frame}").format(n=place, frame=frame)
        return self.say("image {n}").format(n=place)

    def links(self, line: Line, answer: Answer) -> list[Measurement]:
        """The measurements that the numbers still are: one that was typed over is nobody's measurement."""
        made = [self.measured[each] for each in answer.measurement_ids if each in self.measured]
        return [one for one in made if any(is_of(one, number, line.item.unit) for number in answer.numbers)]

    def item(self, line: Line) -> dict[str, Any]:
        answer = self.answers[line.key]
        links = [
            {"id": str(one.id), "image": str(one.instance_id), "frame": one.frame} for one in self.links(line, answer)
        ]
        told: dict[str, Any] = {"key": line.key, "code": line.item.code, "label": line.label(self.language),
                                "said": self.sentence(line), "codes": line.item.codes, "measurements": links}  # fmt: skip
        if line.item.is_choice:
            founded = [one for one in chosen(line, answer) if is_founded(one, line, self.answers, self.known)]
            told["options"] = [{"code": one.code, "codes": one.codes, "normal": one.normal} for one in founded]
        elif answer.numbers:
            told |= {"numbers": answer.numbers, "unit": line.item.unit}
        return told


def _joined(sentence: str, remark: str) -> str:
    return f"{sentence} {_ended(remark)}" if remark else sentence


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?", "。", "।")) else f"{text}."


def _inside(name: str) -> str:
    """A heading within a sentence: small, but for what is all capitals."""
    return name[:1].lower() + name[1:] if name[1:2].islower() or name[1:2] == " " else name
