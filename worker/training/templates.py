"""Chat templates: the model's own, one that TRL patched for training, or a plain one of ours."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trl.chat_template_utils import get_training_chat_template, has_generation_markers

PLAIN = """\
{{- bos_token or '' }}
{%- if tools %}
{{- '### Tools:\\n' }}
{%- for tool in tools %}
{%- set tool = tool.function or tool %}
{{- tool.name + ': ' + (tool.description or '') + ' ' }}
{{- (tool.parameters or {}) | tojson + '\\n' }}
{%- endfor %}
{{- '\\n' }}
{%- endif %}
{%- for message in messages %}
{{- '### ' + message['role'] | capitalize + ':\\n' }}
{%- if message['role'] == 'assistant' %}
{%- generation %}
{{- message['content'] or '' }}
{%- for made in message['tool_calls'] or [] %}
{%- set made = made.function or made %}
{%- if message['content'] or not loop.first %}{{ '\\n' }}{% endif %}
{{- 'Call ' + made.name + ' with ' }}
{{- made.arguments if made.arguments is string else made.arguments | tojson }}
{%- endfor %}
{{- eos_token or '' }}
{%- endgeneration %}
{%- else %}
{{- message['content'] }}
{%- endif %}
{{- '\\n\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '### Assistant:\\n' }}{% endif %}"""
"""For models without a template: names each turn in ordinary words, adds no special token."""


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
        is_plain: True where the model brought none and ours is used.
    """

    source: str
    marking: Marking
    is_plain: bool


def choose(tokenizer: Any) -> Template:
    """Return the template to train with; a tokenizer without one is given the plain one."""
    is_plain = not tokenizer.chat_template
    if is_plain:
        tokenizer.chat_template = PLAIN
    source = tokenizer.get_chat_template()
    if not tokenizer.is_fast:
        return Template(source, Marking.PREFIX, is_plain)
    if has_generation_markers(source):
        return Template(source, Marking.TEMPLATE, is_plain)
    patched = _patched(tokenizer)
    if patched is not None and has_generation_markers(patched):
        return Template(patched, Marking.PATCHED, is_plain)
    return Template(source, Marking.PREFIX, is_plain)


def _patched(tokenizer: Any) -> str | None:
    try:
        return get_training_chat_template(tokenizer)
    except ValueError:  # TRL knows templates by their exact text; this is none of them
        return None
