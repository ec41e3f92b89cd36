"""The library of system prompts: kept under names, changed, deleted and brought back."""

from typing import Any

from storage import owned, system_prompts
from storage.conversation_tables import SystemPromptRow
from storage.errors import Fault, Refused
from storage.system_prompts import SystemPrompt
from studio.services import names
from studio.services.studio import Studio

MOST_CHARACTERS = 50_000


def keep(studio: Studio, owner: str, values: dict[str, Any]) -> SystemPrompt:
    """Keep a system prompt; without a name it is called by its beginning. Raises Refused."""
    checked = _checked({"name": "", "text": "", **values})
    name = checked["name"] or names.tidy(checked["text"][:200], "")[:60]
    return system_prompts.add(studio.database, owner, name, checked["text"])


def listing(studio: Studio, owner: str, *, deleted: bool = False) -> list[SystemPrompt]:
    """Return a person's system prompts by name; the deleted ones instead where asked."""
    return system_prompts.all_of(studio.database, owner, deleted=deleted)


def change(
    studio: Studio, owner: str, system_prompt_id: str, values: dict[str, Any]
) -> SystemPrompt:
    """Change name or text. Raises NotFound, Refused."""
    checked = _checked({name: values[name] for name in ("name", "text") if name in values})
    kept = {name: value for name, value in checked.items() if value}
    return system_prompts.change(studio.database, owner, system_prompt_id, kept)


def delete(studio: Studio, owner: str, system_prompt_id: str) -> None:
    """Delete a system prompt from view. Raises NotFound."""
    owned.mark_deleted(studio.database, SystemPromptRow, owner, system_prompt_id, deleted=True)


def restore(studio: Studio, owner: str, system_prompt_id: str) -> None:
    """Bring a deleted system prompt back. Raises NotFound."""
    owned.mark_deleted(studio.database, SystemPromptRow, owner, system_prompt_id, deleted=False)


def _checked(values: dict[str, Any]) -> dict[str, str]:
    """Return name and text, those that are there, made tidy; raises Refused."""
    found = [
        Fault(name, "Must be text.")
        for name in ("name", "text")
        if not isinstance(values.get(name, ""), str)
    ]
    if found:
        raise Refused(found)
    text = values.get("text", "-").replace("\x00", "\ufffd").strip()
    if not text:
        raise Refused([Fault("text", "Write what the models shall be told.")])
    if len(text) > MOST_CHARACTERS:
        raise Refused([Fault("text", f"At most {MOST_CHARACTERS:,} characters are kept.")])
    tidied = {"name": names.tidy(values.get("name", ""), ""), "text": text}
    return {name: tidied[name] for name in tidied if name in values}
