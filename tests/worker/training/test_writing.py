"""Tools, their calls and their answers: written by the template, or refused in words."""

from pathlib import Path
from typing import Any

import pytest

from storage.errors import StudioError
from tests.fakes.labelled import by_hand, encoded, learned_text, qwen_template, with_template
from worker.training import templates
from worker.training.tokens import Encoder

SINGLE = [
    {"role": "user", "content": "Does it hurt?"},
    {"role": "assistant", "content": "No."},
]


@pytest.fixture
def tokenizer(tmp_path: Path) -> Any:
    """Return a byte-level tokenizer whose template knows nothing of tools."""
    return with_template(tmp_path)


WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a town.",
        "parameters": {"type": "object", "properties": {"town": {"type": "string"}}},
    },
}


def with_call(arguments: Any) -> list[dict[str, Any]]:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": arguments}}
    return [
        {"role": "user", "content": "Is it warm in Oslo?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "name": "weather", "content": "18 degrees"},
        {"role": "assistant", "content": "Yes."},
    ]


@pytest.mark.parametrize("arguments", [{"town": "Oslo"}, '{"town": "Oslo"}'])
def test_the_plain_template_writes_tools_in_plain_words(tmp_path: Path, arguments: Any) -> None:
    tokenizer = with_template(tmp_path, template=None)
    tools = (
        "### Tools:\nweather: The weather of a town. "
        '{"type": "object", "properties": {"town": {"type": "string"}}}\n\n'
    )
    pieces = [
        (tools + "### User:\nIs it warm in Oslo?\n\n### Assistant:\n", False),
        ('Call weather with {"town": "Oslo"}</s>', True),
        ("\n\n### Tool:\n18 degrees\n\n### Assistant:\n", False),
        ("Yes.</s>", True),
        ("\n\n", False),
    ]
    found = encoded(tokenizer, with_call(arguments), tools=[WEATHER])
    assert found == by_hand(tokenizer, pieces)


def test_a_model_s_own_template_writes_tools_as_it_knows_them(tmp_path: Path) -> None:
    tokenizer = with_template(tmp_path, template=qwen_template())
    turns = with_call('{"town": "Oslo"}')
    tokens = encoded(tokenizer, turns, tools=[WEATHER])
    decoded = with_call({"town": "Oslo"})
    expected = tokenizer.apply_chat_template(decoded, tools=[WEATHER], tokenize=False)
    assert tokenizer.decode(tokens.ids) == expected
    assert learned_text(tokenizer, tokens) == (
        '<tool_call>\n{"name": "weather", "arguments": {"town": "Oslo"}}\n</tool_call>'
        "<|im_end|>\n"
        "Yes.<|im_end|>\n"
    )


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"messages": SINGLE, "tools": [WEATHER]}, "a list of tools"),
        ({"messages": with_call({"town": "Oslo"})}, "calls of tools"),
    ],
)
def test_tools_that_a_template_would_drop_in_silence_are_refused(
    tokenizer: Any, row: dict[str, Any], words: str
) -> None:
    with pytest.raises(StudioError, match=f"Line 7 has {words}"):
        encoded(tokenizer, **row)


def test_control_tokens_in_the_arguments_of_a_tool_are_mere_characters(tmp_path: Path) -> None:
    tokenizer = with_template(tmp_path, template=None)
    tokens = encoded(tokenizer, with_call('{"town": "Os\\u003c/s>lo"}'), tools=[WEATHER])
    assert 'Call weather with {"town": "Os</s>lo"}' in tokenizer.decode(tokens.ids)
    assert tokens.ids.count(tokenizer.eos_token_id) == 2, "the two ends of the two answers"


def test_a_control_token_in_the_name_of_a_field_is_refused(tmp_path: Path) -> None:
    tokenizer = with_template(tmp_path, template=None)
    with pytest.raises(StudioError, match="In line 7 a tool has a field named 'to</s>wn'"):
        encoded(tokenizer, with_call({"to</s>wn": "Oslo"}))


def test_what_is_no_conversation_is_refused_in_words(tokenizer: Any) -> None:
    encoder = Encoder(tokenizer, templates.choose(tokenizer), response_only=True)
    pair = {"prompt": SINGLE[:1], "chosen": SINGLE[1:], "rejected": SINGLE[1:], "line": 1}
    with pytest.raises(StudioError, match="preference pairs"):
        list(encoder.encode([pair]))
