"""Conversations written with a chat template, and which characters of the text are answers."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from jinja2 import TemplateError
from transformers.utils.chat_template_utils import render_jinja_template

from storage.errors import StudioError
from worker.training.conversations import Conversation, Turn, require_plain_names
from worker.training.neutral import Neutral
from worker.training.spans import Comparison, Span
from worker.training.templates import Marking, Template

REFUSALS = (TemplateError, TypeError, ValueError, LookupError)
"""What a template raises: it is a small program of somebody's, and rows surprise it."""

_PROBE_TURNS: list[Turn] = [
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
    """A conversation's text.

    Attributes:
        text: what the template made of it.
        learned: stretches of characters, in order; None means all of it.
        is_marked: control tokens that a person typed are marked in it, see `neutral`.
    """

    text: str
    learned: tuple[Span, ...] | None
    is_marked: bool = False


class Writer:
    """Writes conversations with one chat template.

    Args:
        tokenizer: the base model's, a fast one.
        template: the chat template and how it marks answers.
        response_only: learn the answers only.
    """

    def __init__(self, tokenizer: Any, template: Template, *, response_only: bool) -> None:
        self.tokenizer = tokenizer
        self.template = template
        self.response_only = response_only
        self.neutral = Neutral(tokenizer, template.source)
        self._comparison = Comparison(self._text, REFUSALS, self._split)

    def write(self, conversation: Conversation) -> Written:
        """Return the text, and what of it is learned.

        Raises:
            StudioError: the template leaves out what the conversation has, or writes earlier turns
                differently later, so that answers cannot be told.
            TemplateError, TypeError, ValueError, LookupError: it refuses the conversation.
        """
        self._require_written(conversation)
        given = conversation
        if any(map(self.neutral.control.search, conversation.strings())):
            require_plain_names(conversation, self.neutral.control)
            turns = self.neutral.turns(conversation.turns)
            tools = self.neutral.tools(conversation.tools)
            given = replace(conversation, turns=turns, tools=tools)
        text, spans = self._rendered(given.turns, given.tools)
        return Written(text, self._learned(given, text, spans), given != conversation)

    def tokens(
        self, conversation: Conversation, count: int, *, answer_next: bool = False
    ) -> list[int]:
        """Return the tokens of the first `count` turns, with control tokens as mere characters."""
        turns = self.neutral.turns(conversation.turns[:count])
        text = self._text(turns, self.neutral.tools(conversation.tools), answer_next)
        return self.neutral.encode(text)[0]

    def _learned(
        self, conversation: Conversation, text: str, marks: list[Span]
    ) -> tuple[Span, ...] | None:
        if not self.response_only:
            return self._all_but_unlearned(conversation, text)
        kept = [n for n in conversation.answers if n not in conversation.unlearned]
        if self.template.marking is not Marking.PREFIX:
            spans = self._without_header(text, marks)
            if len(kept) == len(conversation.answers):
                return tuple(spans)
            if len(spans) == len(conversation.answers):
                pairs = zip(conversation.answers, spans, strict=True)
                return tuple(span for n, span in pairs if n in kept)
        return tuple(self._comparison.answer(conversation, n, text) for n in kept)

    def _all_but_unlearned(self, conversation: Conversation, text: str) -> tuple[Span, ...] | None:
        if not conversation.unlearned:
            return None
        left = sorted(conversation.unlearned)
        gaps = [self._comparison.turn(conversation, number, text) for number in left]
        edges = [0, *(edge for gap in gaps for edge in gap), len(text)]
        return tuple(zip(edges[::2], edges[1::2], strict=True))

    def _without_header(self, text: str, marks: list[Span]) -> list[Span]:
        """Leave out what some templates mark too: words that the model is given, not asked for."""
        header = self._marked_header
        return [
            (start + len(header), end) if text.startswith(header, start) else (start, end)
            for start, end in marks
        ]

    @cached_property
    def _marked_header(self) -> str:
        """What a template marks as answer and yet writes when it only asks for one."""
        turns = [{"role": "user", "content": "question"}, {"role": "assistant", "content": "probe"}]
        try:
            asked = self._text(turns[:1], None, True)
            text, marks = self._rendered(turns, None)
        except REFUSALS:
            return ""
        if not marks or not text.startswith(asked):
            return ""
        return text[marks[0][0] : len(asked)]

    def _text(self, turns: list[Turn], tools: list[Any] | None, answer_next: bool) -> str:
        texts, _ = render_jinja_template(
            [turns],
            tools=tools,
            chat_template=self.template.source,
            add_generation_prompt=answer_next,
            **self.tokenizer.special_tokens_map,
        )
        return str(texts[0])

    def _rendered(self, turns: list[Turn], tools: list[Any] | None) -> tuple[str, list[Span]]:
        marks_wanted = self.response_only and self.template.marking is not Marking.PREFIX
        texts, marks = render_jinja_template(
            [turns],
            tools=tools,
            chat_template=self.template.source,
            return_assistant_tokens_mask=marks_wanted,
            **self.tokenizer.special_tokens_map,
        )
        return texts[0], list(marks[0]) if marks else []

    def _split(self, text: str) -> list[Span]:
        found = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        places: list[Span] = found["offset_mapping"]
        return places

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
