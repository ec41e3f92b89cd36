"""Chat templates: the model's own, a format known by name, or one that the person wrote."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trl.chat_template_utils import get_training_chat_template, has_generation_markers

from storage.errors import StudioError
from storage.specs import RunSpec
from worker.training import formats, template_trial
from worker.training.formats import Format

MODEL, CUSTOM, PLAIN = "model", "custom", "plain"
"""What can be wanted beside the names of the formats; plain is for models that have none."""

_OTHER = "The model has a chat format of its own; this run uses another."


class Marking(StrEnum):
    """How the tokens of an answer are told from the rest."""

    TEMPLATE = "the template's own marks"
    PATCHED = "TRL's training form of the template"
    PREFIX = "the conversation with and without each answer"


@dataclass(frozen=True)
class Template:
    """The chat template of a run.

    Attributes:
        source: the Jinja text that conversations are written with.
        marking: how answers are found in it.
        name: whose it is: model, custom, or the name of a format.
        told: what the person should know about it, in sentences.
    """

    source: str
    marking: Marking
    name: str
    told: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether it is our own plain one."""
        return self.name == PLAIN

    @property
    def words(self) -> str:
        """Whose template it is, in words."""
        known = {MODEL: "the model's own", CUSTOM: "written by hand", PLAIN: "built in"}
        return known.get(self.name, self.name)


def of_run(tokenizer: Any, spec: RunSpec) -> Template:
    """Return the template of a run; see `choose`."""
    return choose(tokenizer, spec.chat_template, spec.custom_template)


def choose(tokenizer: Any, wanted: str = MODEL, custom: str | None = None) -> Template:
    """Return the template to write conversations with; the tokenizer is given it.

    One that is not ours is tried first, in a process with limits.

    Args:
        tokenizer: the base model's, with its extra tokens. One without a template, of which its
            own is wanted, is given the plain one.
        wanted: model, custom, or the name of a format.
        custom: the Jinja text, where that is wanted.

    Raises:
        BadTemplate: see `template_trial.require_sound`.
        StudioError: none was written.
    """
    has_own = bool(tokenizer.chat_template)
    name = PLAIN if wanted == MODEL and not has_own else wanted
    told = [_OTHER] if has_own and name != MODEL else []
    if name == CUSTOM:
        tokenizer.chat_template = _written(custom)
    elif name != MODEL:
        known = formats.BY_NAME[name]
        tokenizer.chat_template = formats.written_for(known, tokenizer)
        told += _lacking(known, tokenizer)
    if name in (MODEL, CUSTOM):
        given = tuple(tokenizer.special_tokens_map.items())
        template_trial.require_sound(tokenizer.get_chat_template(), given)
    return _marked(tokenizer, name, tuple(told))


def _marked(tokenizer: Any, name: str, told: tuple[str, ...]) -> Template:
    source = tokenizer.get_chat_template()
    if not tokenizer.is_fast:
        raise StudioError(
            "The base model's tokenizer cannot tell where its tokens stand in a text.",
            "Choose a model that comes with a tokenizer.json.",
        )
    if has_generation_markers(source):
        return Template(source, Marking.TEMPLATE, name, told)
    patched = _patched(tokenizer)
    if patched is not None and has_generation_markers(patched):
        return Template(patched, Marking.PATCHED, name, told)
    return Template(source, Marking.PREFIX, name, told)


def _written(custom: str | None) -> str:
    if not custom:
        raise StudioError("No chat format was written.", "Write one, or choose one of the list.")
    return custom


def _lacking(known: Format, tokenizer: Any) -> list[str]:
    lacking = ", ".join(formats.lacking(known, tokenizer))
    if not lacking:
        return []
    return [
        f"The model has no token for {lacking} of the chat format {known.name}: it reads them as "
        "ordinary text. Named as new words of the model, each becomes a token that is learned."
    ]


def _patched(tokenizer: Any) -> str | None:
    try:
        return get_training_chat_template(tokenizer)
    except ValueError:  # TRL knows templates by their exact text; this is none of them
        return None
