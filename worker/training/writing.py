"""Conversations written with a chat template, and which characters of the text are answers."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jinja2 import TemplateError
from transformers.utils.chat_template_utils import render_jinja_template

from storage.errors import StudioError
from worker.training.conversations import Conversation, require_plain_names
from worker.training.templates import Marking, Template

REFUSALS = (TemplateError, TypeError, ValueError, LookupError)
"""What a template raises: it is a small program of somebody's, and rows surprise it."""

Span = tuple[int, int]

_PROBE_TURNS = [
    {"role": "user", "content": "probe-question"},
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {
                "type": "function",
                "id": "probe0000",
                "function": {"name": "probe", "arguments": {"value": "probe-argument"}},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "probe0000", "name": "probe", "content": "probe-result"},
    {"role": "assistant", "content": "probe-answer"},
]
_PROBE_TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "probe",
            "description": "probe-tool",
            "parameters": {"type": "object", "properties": {"value": {"type": "string"}}},
        },
    }
]


@dataclass(frozen=True)
class Written:
    """A conversation's text. `learned`: stretches of characters, in order; None means all of it."""

    text: str
    learned: tuple[Span, ...] | None


class Writer:
    """Writes conversations with one chat template.

    Args:
        tokenizer: the base model's.
        template: the chat template and how it marks answers.
        response_only: learn the answers only.
    """

    def __init__(self, tokenizer: Any, template: Template, *, response_only: bool) -> None:
        self.tokenizer = tokenizer
        self.template = template
        self.response_only = response_only
        control = {token.content for token in tokenizer.added_tokens_decoder.values()}
        self._control = re.compile("|".join(map(re.escape, sorted(control))) or "(?!)")

    def write(self, conversation: Conversation) -> Written | None:
        """Return the text; None where the answers are found only by comparing tokens (`tokens`).

        Raises:
            StudioError: the template leaves out what the conversation has.
            TemplateError, TypeError, ValueError, LookupError: it refuses the conversation.
        """
        self._require_written(conversation)
        if self.response_only and self.template.marking is Marking.PREFIX:
            return None
        if any(map(self._control.search, conversation.strings())):
            require_plain_names(conversation, self._control)
            return None
        if self.response_only:
            return self._marked(conversation)
        if conversation.unlearned:
            return None
        return Written(self._rendered(conversation.turns, conversation.tools)[0], None)

    def tokens(
        self, conversation: Conversation, count: int, *, answer_next: bool = False
    ) -> list[int]:
        """Return the tokens of the first `count` turns, with control tokens as mere characters."""
        ids: list[int] = self.tokenizer.apply_chat_template(
            conversation.turns[:count],
            tools=conversation.tools,
            chat_template=self.template.source,
            add_generation_prompt=answer_next,
            sanitize_control_tokens=True,
        )["input_ids"]
        return ids

    def _marked(self, conversation: Conversation) -> Written | None:
        text, spans = self._rendered(conversation.turns, conversation.tools)
        if conversation.unlearned.isdisjoint(conversation.answers):
            return Written(text, tuple(spans))
        if len(spans) != len(conversation.answers):
            return None  # which answer a mark belongs to cannot be told
        pairs = zip(conversation.answers, spans, strict=True)
        return Written(text, tuple(s for n, s in pairs if n not in conversation.unlearned))

    def _rendered(self, turns: list[Any], tools: list[Any] | None) -> tuple[str, list[Span]]:
        texts, marks = render_jinja_template(
            [turns],
            tools=tools,
            chat_template=self.template.source,
            return_assistant_tokens_mask=self.response_only,
            **self.tokenizer.special_tokens_map,
        )
        return texts[0], list(marks[0]) if marks else []

    def _require_written(self, conversation: Conversation) -> None:
        there = {
            "a list of tools": conversation.tools,
            "calls of tools": any(turn.get("tool_calls") for turn in conversation.turns),
            "answers of tools": any(turn["role"] == "tool" for turn in conversation.turns),
        }
        for what, is_there in there.items():
            if is_there and what in self._left_out:
                raise StudioError(
                    f"Line {conversation.line} has {what}, which this model's chat format leaves "
                    "out.",
                    "Choose a base model that knows tools, or leave such rows out under Prepare.",
                )

    @cached_property
    def _left_out(self) -> frozenset[str]:
        """What the template passes over in silence; a template that objects says so by itself."""
        try:
            text, _ = self._rendered(_PROBE_TURNS, _PROBE_TOOLS)
        except REFUSALS:
            return frozenset()
        probes = {
            "a list of tools": "probe-tool",
            "calls of tools": "probe-argument",
            "answers of tools": "probe-result",
        }
        return frozenset(what for what, probe in probes.items() if probe not in text)
