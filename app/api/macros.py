"""Short texts called by a word: a reader's own, and those that an organization shares."""

from typing import Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from app.api.schemas import Out
from app.db import reading, transaction
from app.http.actor import Acting
from app.http.idempotency import Once, once
from app.reports import macros
from app.reports.macros import GivenMacro, Macro

router = APIRouter(tags=["templates"])


class MacroOut(Out):
    id: UUID
    word: str = Field(examples=["gb"])
    text: str = Field(examples=["The gallbladder is thin-walled."])
    organization_id: UUID | None = Field(description="Whose it is, where everybody there may call it; null: your own")

    @classmethod
    def of(cls, macro: Macro) -> Self:
        shared = macro.organization_id if macro.is_shared else None
        return cls(id=macro.id, word=macro.word, text=macro.text, organization_id=shared)


class MacroList(Out):
    items: list[MacroOut]


@router.get("/macros", summary="Your short texts")
def list_macros(who: Acting) -> MacroList:
    """Your own, and those of the organizations that you read in."""
    with reading(who) as session:
        return MacroList(items=[MacroOut.of(one) for one in macros.of_reader(session, who)])


@router.post("/macros", status_code=201, summary="Keep a short text")
def keep_macro(given: GivenMacro, who: Acting, key: Once) -> MacroOut:
    """The same word again is the new text of it. An organization's are kept by its administrators and supervisors."""
    with transaction(who) as session:
        done = once(session, key)
        if done.before and done.resource_id is not None:
            return MacroOut.of(session.get_one(Macro, done.resource_id))
        kept = macros.keep(session, who, given)
        done.keep(201, kept.id)
        return MacroOut.of(kept)


@router.delete("/macros/{macro_id}", status_code=204, summary="Remove a short text")
def remove_macro(macro_id: UUID, who: Acting) -> None:
    with transaction(who) as session:
        macros.remove(session, who, macro_id)
