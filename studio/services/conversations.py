"""Conversations: begun with contestants, asked, judged, found again, told on, deleted."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from storage import audit, contestants, conversation_lists, conversations, owned, sampling
from storage.audit import Action
from storage.conversation_lists import Page
from storage.conversation_tables import ConversationRow
from storage.conversations import Asking, Wanted
from storage.errors import Fault, NotFound, Refused
from storage.exchanges import MARKS, MOST_SIDES, Whole
from studio.services import names, telling
from studio.services.studio import Studio
from studio.services.telling import Told, ToldRound, ToldSide

MOST_CHARACTERS: Final = 200_000
"""Of a prompt, a system prompt or a correction."""

MOST_LISTED: Final = 200

_LONGEST_NOTE: Final = 2_000
_NAME_FROM_PROMPT: Final = 70

_NUL: Final = "\x00"
"""Some databases cannot hold it in a text."""


def begin(studio: Studio, owner: str, values: dict[str, Any]) -> Told:
    """Begin a conversation. Raises Refused with every fault at once, by field."""
    found: list[Fault] = []
    wanted = Wanted(
        contestants=_contestants(studio, owner, values.get("contestants"), found),
        name=names.tidy(_text(values, "name", found), ""),
        system=_text(values, "system", found),
        sampling=_sampling(values.get("sampling", {}), found),
        blind=_flag(values, "blind", found),
        prompt_set_id=_identifier(values, "prompt_set_id", found),
    )
    if wanted.blind and not found and len(wanted.contestants) != 2:
        found.append(Fault("contestants", "A blind vote is between exactly two."))
    if found:
        raise Refused(found)
    return get(studio, owner, conversations.add(studio.database, owner, wanted).id)


def page(
    studio: Studio, owner: str, words: str = "", *, deleted: bool = False, most: int = 100
) -> Page:
    """Return the conversations with words in them, newest first; hidden names are left out."""
    found = conversation_lists.page(
        studio.database, owner, words.strip(), deleted=deleted, most=min(most, MOST_LISTED)
    )
    titles = conversations.titles(studio.database, [line.id for line in found.lines])
    return replace(found, lines=[telling.line(line, titles) for line in found.lines])


def get(studio: Studio, owner: str, conversation_id: str) -> Told:
    """Return a conversation with all that may be said of it. Raises NotFound."""
    whole = conversations.whole(studio.database, owner, conversation_id)
    return telling.told(whole, _titles(studio, owner, whole))


def change(studio: Studio, owner: str, conversation_id: str, values: dict[str, Any]) -> Told:
    """Change a conversation's name, who is asked from now on, or its set of prompts.

    Raises:
        NotFound: there is none.
        Refused: with every fault at once.
    """
    found: list[Fault] = []
    before = conversations.get(studio.database, owner, conversation_id)
    changed: dict[str, Any] = {}
    if "name" in values:
        changed["name"] = names.tidy(_text(values, "name", found), before.name)
    if "contestants" in values:
        changed["contestants"] = _contestants(studio, owner, values["contestants"], found)
        if before.blind and changed["contestants"] and len(changed["contestants"]) != 2:
            found.append(Fault("contestants", "A blind vote is between exactly two."))
    if "prompt_set_id" in values:
        changed["prompt_set_id"] = _identifier(values, "prompt_set_id", found)
    if found:
        raise Refused(found)
    conversations.change(studio.database, owner, conversation_id, changed)
    return get(studio, owner, conversation_id)


def ask(studio: Studio, owner: str, conversation_id: str, values: dict[str, Any]) -> ToldRound:
    """Put a prompt to all sides; with `from_round` in the place of that round and all after it.

    Raises:
        NotFound: there is no such conversation or round.
        Refused: with every fault at once.
    """
    found: list[Fault] = []
    before = conversations.get(studio.database, owner, conversation_id)
    prompt = _text(values, "prompt", found)
    if not prompt.strip() and not found:
        found.append(Fault("prompt", "The question is empty."))
    given = values.get("sampling")
    asking = Asking(
        prompt=prompt,
        system=before.system if values.get("system") is None else _text(values, "system", found),
        sampling=before.sampling if given is None else _sampling(given, found),
        from_round=_number(values, "from_round", found),
    )
    if found:
        raise Refused(found)
    put = conversations.ask(studio.database, owner, conversation_id, asking)
    if not before.name:
        short = names.tidy(prompt[:500], "Conversation")[:_NAME_FROM_PROMPT]
        conversations.change(studio.database, owner, conversation_id, {"name": short})
    return get(studio, owner, conversation_id).round(put.number)


def judge(
    studio: Studio, owner: str, conversation_id: str, place: tuple[int, int], values: dict[str, Any]
) -> ToldSide:
    """Mark the answer at (round, side), correct it or note something; None takes it back.

    Raises:
        NotFound: there is no answer.
        Refused: with every fault at once.
    """
    found: list[Fault] = []
    texts = {name: _text(values, name, found) for name in ("corrected", "note") if values.get(name)}
    changed: dict[str, Any] = {
        name: texts.get(name) for name in ("corrected", "note") if name in values
    }
    if len(texts.get("note", "")) > _LONGEST_NOTE:
        found.append(Fault("note", f"At most {_LONGEST_NOTE:,} characters."))
    if "mark" in values:
        changed["mark"] = values["mark"]
        if values["mark"] not in (None, *MARKS):
            found.append(Fault("mark", f"Must be one of {', '.join(MARKS)}, or nothing."))
    if found:
        raise Refused(found)
    conversations.judge(studio.database, owner, conversation_id, place, changed)
    return get(studio, owner, conversation_id).round(place[0]).sides[place[1]]


def export(studio: Studio, owner: str, conversation_id: str) -> Iterator[dict[str, Any]]:
    """Give the rows of a conversation as data; see `telling.rows`. Raises NotFound."""
    whole = conversations.whole(studio.database, owner, conversation_id)
    told = {"kind": "conversation", "name": whole.conversation.name}
    audit.noted(studio.database, owner, Action.EXPORTED, conversation_id, told)
    return telling.rows(whole)


def delete(studio: Studio, owner: str, conversation_id: str) -> None:
    """Delete a conversation from view. Raises NotFound."""
    owned.mark_deleted(studio.database, ConversationRow, owner, conversation_id, deleted=True)


def restore(studio: Studio, owner: str, conversation_id: str) -> None:
    """Bring a deleted conversation back. Raises NotFound."""
    owned.mark_deleted(studio.database, ConversationRow, owner, conversation_id, deleted=False)


def _titles(studio: Studio, owner: str, whole: Whole) -> dict[str, str]:
    """Return what the contestants are called: as they are now, else as they were."""
    found = {answer.contestant: answer.title for answer in whole.answers}
    for name in whole.conversation.contestants:
        try:
            found[name] = contestants.find(studio.database, studio.artifacts, owner, name).title
        except NotFound:
            found.setdefault(name, name)
    return found


def _contestants(studio: Studio, owner: str, given: object, found: list[Fault]) -> list[str]:
    """Return the names. A server of another maker may know more of them than the studio does."""
    if not isinstance(given, list) or not all(isinstance(one, str) and one for one in given):
        found.append(Fault("contestants", "Give the names of those to ask."))
        return []
    chosen: list[str] = [str(one) for one in given]
    if not 1 <= len(chosen) <= MOST_SIDES:
        found.append(Fault("contestants", f"Choose one to {MOST_SIDES}."))
    if len(set(chosen)) < len(chosen):
        found.append(Fault("contestants", "Each can take part once."))
    if studio.settings.chat_url is None:
        found += [fault for name in chosen for fault in _faults_of(studio, owner, name)]
    return chosen


def _faults_of(studio: Studio, owner: str, name: str) -> list[Fault]:
    try:
        contestants.find(studio.database, studio.artifacts, owner, name)
    except NotFound as missing:
        return [Fault("contestants", missing.message)]
    return []


def _text(values: dict[str, Any], name: str, found: list[Fault]) -> str:
    given = values.get(name) or ""
    if not isinstance(given, str):
        found.append(Fault(name, "Must be text."))
        return ""
    if len(given) > MOST_CHARACTERS:
        words = f"{len(given):,} characters are too many; at most {MOST_CHARACTERS:,} can be sent."
        found.append(Fault(name, words))
    return given.replace(_NUL, "\ufffd")


def _sampling(given: object, found: list[Fault]) -> dict[str, Any]:
    try:
        return sampling.parse(given)
    except Refused as error:
        found += error.faults
        return {}


def _flag(values: dict[str, Any], name: str, found: list[Fault]) -> bool:
    given = values.get(name, False)
    if not isinstance(given, bool):
        found.append(Fault(name, "Must be true or false."))
    return given is True


def _number(values: dict[str, Any], name: str, found: list[Fault]) -> int | None:
    given = values.get(name)
    if given is None or (isinstance(given, int) and not isinstance(given, bool)):
        return given
    found.append(Fault(name, "Must be a whole number."))
    return None


def _identifier(values: dict[str, Any], name: str, found: list[Fault]) -> str | None:
    given = values.get(name)
    if given is None or (isinstance(given, str) and len(given) <= 32):
        return given or None
    found.append(Fault(name, "Must be an id."))
    return None
