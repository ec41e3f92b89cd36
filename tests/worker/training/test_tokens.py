"""Which tokens are learned: compared token by token with a count of one's own."""

from pathlib import Path
from typing import Any

import pytest

from storage.errors import StudioError
from tests.fakes.labelled import by_hand, encoded, learned_text, qwen_template, with_template
from tests.fakes.tokenizers import byte_level, with_beginning
from worker.training import templates
from worker.training.templates import Marking
from worker.training.tokens import Encoder

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


def weighted(weights: dict[int, int]) -> list[dict[str, Any]]:
    """Return MULTI with these weights by number of the turn."""
    return [turn | ({"weight": weights[n]} if n in weights else {}) for n, turn in enumerate(MULTI)]


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
    tokenizer = with_template(tmp_path, template=qwen_template())
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


def test_an_answer_that_ends_in_a_picture_is_learned_to_its_last_byte(
    tokenizer: Any,
) -> None:
    messages = [SINGLE[0], {"role": "assistant", "content": "Smile 🙂"}]
    pieces = [("user: Does it hurt?assistant: ", False), ("Smile 🙂", True)]
    assert encoded(tokenizer, messages) == by_hand(tokenizer, pieces)


def test_an_answer_of_weight_nought_is_read_and_not_learned(tokenizer: Any) -> None:
    pieces = [
        ("system: Be kind.user: Does it hurt?assistant: No.user: Really?assistant: ", False),
        ("Really, it does not.", True),
    ]
    assert encoded(tokenizer, weighted({2: 0, 4: 1})) == by_hand(tokenizer, pieces)


def test_weights_count_where_answers_are_found_by_comparing(tmp_path: Path) -> None:
    tokenizer = with_template(tmp_path, template=UNMARKED)
    pieces = [
        ("<system>Be kind.</s><user>Does it hurt?</s><assistant>", False),
        ("No.</s>", True),
        ("<user>Really?</s><assistant>Really, it does not.</s>", False),
    ]
    assert encoded(tokenizer, weighted({4: 0})) == by_hand(tokenizer, pieces)


def test_weights_count_where_everything_is_learned(tokenizer: Any) -> None:
    pieces = [
        ("system: Be kind.user: Does it hurt?", True),
        ("assistant: No.", False),
        ("user: Really?assistant: Really, it does not.", True),
    ]
    tokens = encoded(tokenizer, weighted({2: 0}), response_only=False)
    assert tokens == by_hand(tokenizer, pieces)


def test_a_template_that_marks_one_stretch_for_all_answers_still_honours_weights(
    tmp_path: Path,
) -> None:
    once = "{% generation %}{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    once += "{% endgeneration %}{% if add_generation_prompt %}<assistant>{% endif %}"
    tokenizer = with_template(tmp_path, template=once)
    pieces = [
        ("<system>Be kind.<user>Does it hurt?<assistant>No.<user>Really?<assistant>", False),
        ("Really, it does not.", True),
    ]
    assert encoded(tokenizer, weighted({2: 0})) == by_hand(tokenizer, pieces)


def test_the_space_that_ends_an_answer_is_learned_where_offsets_leave_spaces_out() -> None:
    tokenizer = with_beginning(byte_level(["Does it hurt? No."], None))
    tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|>{% if m.role == 'assistant' %}{% generation %}"
        "{{ m.content + ' ' }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}"
        "<|end|>"
    )
    pieces = [("<|im_start|>Does it hurt?<|im_start|>", False), ("No. ", True), ("<|end|>", False)]
    assert encoded(tokenizer, SINGLE) == by_hand(tokenizer, pieces)
