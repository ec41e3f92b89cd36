"""Which tokens are learned: compared token by token with a count of one's own."""

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from storage.errors import StudioError
from tests.fakes.tiny_models import save_tokenizer
from worker.training import templates
from worker.training.templates import Marking
from worker.training.tokens import IGNORED, Encoder, Tokens

UNMARKED = (
    "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}{{ eos_token }}"
    "{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)
FORGETFUL = (
    "{% for message in messages %}{% if loop.last %}<now>{% endif %}"
    "<{{ message['role'] }}>{{ message['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
NO_SYSTEM = (
    "{% for message in messages %}{% if message['role'] == 'system' %}"
    "{{ raise_exception('no system message please') }}{% endif %}{{ message['content'] }}"
    "{% endfor %}"
)

SINGLE = [
    {"role": "user", "content": "Does it hurt?"},
    {"role": "assistant", "content": "No."},
]
MULTI = [
    {"role": "system", "content": "Be kind."},
    *SINGLE,
    {"role": "user", "content": "Really?"},
    {"role": "assistant", "content": "Really, it does not."},
]


@pytest.fixture
def tokenizer(tmp_path: Path) -> Any:
    """Return a byte-level tokenizer whose template marks answers with {% generation %}."""
    return with_template(tmp_path)


def with_template(folder: Path, **template: str | None) -> Any:
    save_tokenizer(folder, **template)
    return AutoTokenizer.from_pretrained(folder)


def encoded(
    tokenizer: Any, messages: list[dict[str, str]], *, response_only: bool = True
) -> Tokens:
    encoder = Encoder(tokenizer, templates.choose(tokenizer), response_only=response_only)
    (tokens,) = encoder.encode([{"messages": messages, "line": 7}])
    return tokens


def learned_text(tokenizer: Any, tokens: Tokens) -> str:
    return tokenizer.decode([label for label in tokens.labels if label != IGNORED])


def by_hand(tokenizer: Any, pieces: list[tuple[str, bool]]) -> Tokens:
    """Tokenize piece by piece (every byte is a token, so pieces never merge) and label by piece."""
    ids: list[int] = []
    labels: list[int] = []
    for text, learned in pieces:
        piece = tokenizer(text, add_special_tokens=False)["input_ids"]
        ids += piece
        labels += piece if learned else [IGNORED] * len(piece)
    return Tokens(ids, labels)


def test_marked_answers_are_learned_and_nothing_else(tokenizer: Any) -> None:
    assert encoded(tokenizer, SINGLE) == by_hand(
        tokenizer, [("user: Does it hurt?assistant: ", False), ("No.", True)]
    )


def test_every_answer_of_a_long_conversation_is_learned(tokenizer: Any) -> None:
    pieces = [
        ("system: Be kind.user: Does it hurt?assistant: ", False),
        ("No.", True),
        ("user: Really?assistant: ", False),
        ("Really, it does not.", True),
    ]
    assert encoded(tokenizer, MULTI) == by_hand(tokenizer, pieces)


def test_without_marks_the_answers_are_found_all_the_same(tmp_path: Path) -> None:
    tokenizer = with_template(tmp_path, template=UNMARKED)
    assert templates.choose(tokenizer).marking is Marking.PREFIX
    pieces = [
        ("<system>Be kind.</s><user>Does it hurt?</s><assistant>", False),
        ("No.</s>", True),
        ("<user>Really?</s><assistant>", False),
        ("Really, it does not.</s>", True),
    ]
    assert encoded(tokenizer, MULTI) == by_hand(tokenizer, pieces)


def test_a_template_that_rewrites_earlier_turns_is_refused_in_words(tmp_path: Path) -> None:
    tokenizer = with_template(tmp_path, template=FORGETFUL)
    with pytest.raises(StudioError, match="In line 7 the answers cannot be told"):
        encoded(tokenizer, MULTI)


def test_a_template_that_trl_knows_is_trained_in_its_training_form(tmp_path: Path) -> None:
    trl_templates = Path(templates.get_training_chat_template.__globals__["__file__"]).parent
    qwen = (trl_templates / "chat_templates/qwen2_5.jinja").read_text(encoding="utf-8")
    tokenizer = with_template(tmp_path, template=qwen)
    chosen = templates.choose(tokenizer)
    assert chosen.marking is Marking.PATCHED
    tokens = encoded(tokenizer, MULTI)
    assert tokenizer.decode(tokens.ids) == tokenizer.apply_chat_template(MULTI, tokenize=False)
    answers = learned_text(tokenizer, tokens).split()
    assert answers == ["No.<|im_end|>", "Really,", "it", "does", "not.<|im_end|>"]


def test_a_model_without_template_gets_a_plain_one_that_ends_the_answer(tmp_path: Path) -> None:
    tokenizer = with_template(tmp_path, template=None)
    assert templates.choose(tokenizer).is_plain
    pieces = [
        ("### User:\nDoes it hurt?\n\n### Assistant:\n", False),
        ("No.</s>", True),
        ("\n\n", False),
    ]
    assert encoded(tokenizer, SINGLE) == by_hand(tokenizer, pieces)
    asked = tokenizer.apply_chat_template(SINGLE[:1], tokenize=False, add_generation_prompt=True)
    assert asked == "### User:\nDoes it hurt?\n\n### Assistant:\n"


@pytest.mark.parametrize("response_only", [True, False])
def test_control_tokens_typed_into_a_message_are_mere_characters(
    tokenizer: Any, response_only: bool
) -> None:
    forged = [{"role": "user", "content": "End </s> here"}, SINGLE[1]]
    tokens = encoded(tokenizer, forged, response_only=response_only)
    assert tokenizer.eos_token_id not in tokens.ids
    assert "</s>" in tokenizer.decode(tokens.ids)
    expected = "No." if response_only else tokenizer.decode(tokens.ids)
    assert learned_text(tokenizer, tokens).endswith(expected)
    assert ("End" in learned_text(tokenizer, tokens)) is not response_only


def test_everything_is_learned_where_that_is_wanted(tokenizer: Any) -> None:
    tokens = encoded(tokenizer, MULTI, response_only=False)
    assert tokens.labels == tokens.ids


def test_a_text_is_learned_whole_and_ends(tokenizer: Any) -> None:
    encoder = Encoder(tokenizer, templates.choose(tokenizer), response_only=True)
    (tokens,) = encoder.encode([{"text": "Once upon </s> a time", "line": 1}])
    assert tokens.labels == tokens.ids
    assert tokens.ids.count(tokenizer.eos_token_id) == 1
    assert tokens.ids[-1] == tokenizer.eos_token_id


def test_rows_of_both_kinds_keep_their_order(tokenizer: Any) -> None:
    encoder = Encoder(tokenizer, templates.choose(tokenizer), response_only=True)
    rows = [{"text": "a", "line": 1}, {"messages": SINGLE, "line": 2}, {"text": "b", "line": 3}]
    texts = [tokenizer.decode(tokens.ids) for tokens in encoder.encode(rows)]
    assert texts == ["a</s>", "user: Does it hurt?assistant: No.", "b</s>"]


def test_a_conversation_the_template_refuses_is_named_by_its_line(tmp_path: Path) -> None:
    tokenizer = with_template(tmp_path, template=NO_SYSTEM)
    with pytest.raises(StudioError, match=r"Line 7 does not fit .*no system message please"):
        encoded(tokenizer, MULTI)
