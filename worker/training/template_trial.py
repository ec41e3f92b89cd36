"""A chat template tried on a short conversation before it is used, in a process with limits."""

import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from storage import model_facts
from storage.errors import StudioError
from worker.training.template_room import BYTES, SECONDS

_PATIENCE: Final = 30.0
"""Seconds of the clock, for a machine that is busy; the child's own limit is of its work."""

_HOUSE: Final = Path(__file__).resolve().parents[2]
_QUESTION, _ANSWER = "Is the sky blue", "Yes, at noon"
_TURNS: Final = [
    {"role": "user", "content": _QUESTION},
    {"role": "assistant", "content": _ANSWER},
    {"role": "user", "content": "And at night"},
]
_TRIALS: Final = [_TURNS[:2], _TURNS]

_WORDS: Final = {
    "syntax": "is not right: {words}",
    "undefined": "uses something that is not there: {words}",
    "forbidden": "reaches for something that it must not: {words}",
    "slow": f"takes more than {SECONDS} seconds for a conversation of three turns",
    "large": f"takes more than {BYTES // 1_000_000} MB of memory, or writes without end",
    "refused": "refuses a question with its answer: {words}",
    "failed": "fails: {words}",
}


class BadTemplate(StudioError):
    """A chat template cannot be used; `line` is the template's, None where it cannot be told."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message, "Correct the chat format, or choose one of the list.")
        self.line = line


def require_sound(template: str, special_tokens: tuple[tuple[str, str], ...]) -> None:
    """Try a template on a question, its answer and another question.

    Args:
        template: the Jinja text.
        special_tokens: pairs of name (such as `eos_token`) and text.

    Raises:
        BadTemplate: it has a mistake, fails, takes too long or too much memory, reaches out of its
            sandbox, or leaves out questions or answers; names the line.
    """
    found = _tried(template, special_tokens)
    if "fault" in found:
        raise BadTemplate(_in_words(found), found["line"])
    for text in found["texts"]:
        for what, words in (("questions", _QUESTION), ("answers", _ANSWER)):
            if words not in text:
                raise BadTemplate(f"The chat format leaves out the {what}.")


def special_tokens_of(folder: Path) -> tuple[tuple[str, str], ...]:
    """Return the special tokens that a model's tokenizer names, read without a library."""
    settings = folder / "tokenizer_config.json"
    told = model_facts.read_object(settings) if settings.is_file() else {}
    named = {name: told.get(name) for name in ("bos_token", "eos_token", "unk_token", "pad_token")}
    texts = {
        name: value.get("content") if isinstance(value, dict) else value
        for name, value in named.items()
    }
    return tuple((name, text) for name, text in texts.items() if isinstance(text, str))


@lru_cache(maxsize=256)  # a form asks again with every change
def _tried(template: str, special_tokens: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    given = dict(special_tokens)
    question = {"template": template, "given": given, "conversations": _TRIALS}
    try:
        child = subprocess.run(
            [sys.executable, "-m", "worker.training.template_room"],
            cwd=_HOUSE,
            input=json.dumps(question).encode(),
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:  # which another time may not
        raise BadTemplate(_in_words({"fault": "slow", "line": None})) from error
    if child.returncode or not child.stdout:  # the system ended it
        return {"fault": "slow" if child.returncode < 0 else "large", "line": None}
    found: dict[str, Any] = json.loads(child.stdout)
    return found


def _in_words(found: dict[str, Any]) -> str:
    where = f"Line {found['line']} of the chat format" if found["line"] else "The chat format"
    words = str(found.get("words", "")).rstrip(".")
    return f"{where} {_WORDS[found['fault']].format(words=words)}."
