"""Text streams in whole characters, and nothing past a stop text."""

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from tests.worker.chat.conftest import make_tokenizer
from worker.chat.text import AnswerText


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    make_tokenizer(folder)
    return AutoTokenizer.from_pretrained(folder)


def streamed(tokenizer: Any, tokens: list[int], *stops: str) -> list[str]:
    """Every piece, the last one from finish()."""
    answer = AnswerText(tokenizer, stops)
    pieces = []
    for token in tokens:
        pieces.append(answer.feed(token))
        if answer.stopped:
            break
    return [*pieces, answer.finish()]


@pytest.mark.parametrize(
    "text", ["Drink water.", "ünïcödé 漢字 🙂👩‍👩‍👧 x", " two  spaces\n\n", "<b>&amp;</b>", ""]
)
def test_pieces_make_the_text_and_none_is_a_broken_character(tokenizer: Any, text: str) -> None:
    pieces = streamed(tokenizer, tokenizer.encode(text, add_special_tokens=False))
    assert "".join(pieces) == text
    assert not any("\ufffd" in piece for piece in pieces)


def test_a_rare_character_arrives_with_its_last_byte(tokenizer: Any) -> None:
    tokens = tokenizer.encode("𐍈", add_special_tokens=False)
    assert len(tokens) == 4, "the tokenizer has never seen it, so it is four byte tokens"
    assert streamed(tokenizer, tokens) == ["", "", "", "𐍈", ""]


def test_a_character_that_never_ends_is_shown_as_broken_when_the_answer_ends(
    tokenizer: Any,
) -> None:
    tokens = tokenizer.encode("ok🤖", add_special_tokens=False)[:-1]
    assert "".join(streamed(tokenizer, tokens)) == "ok\ufffd"


def test_endless_broken_bytes_are_not_held_back_for_ever(tokenizer: Any) -> None:
    lead = tokenizer.encode("🤖", add_special_tokens=False)[0]
    pieces = streamed(tokenizer, [lead] * 40)
    assert pieces[7], "eight bytes without a character are given up on"
    assert "".join(pieces).strip("\ufffd") == ""


def test_nothing_past_a_stop_text_is_shown(tokenizer: Any) -> None:
    tokens = tokenizer.encode("Drink water and rest", add_special_tokens=False)
    pieces = streamed(tokenizer, tokens, "er a", "rest")
    assert "".join(pieces) == "Drink wat"


def test_what_only_looks_like_a_stop_text_is_shown_later(tokenizer: Any) -> None:
    tokens = tokenizer.encode("STOP STOPPING", add_special_tokens=False)
    assert "".join(streamed(tokenizer, tokens, "STOPPED")) == "STOP STOPPING"
    held = AnswerText(tokenizer, ("zz",))
    assert [held.feed(token) for token in tokenizer.encode("z", add_special_tokens=False)] == [""]
    assert held.finish() == "z"


def test_special_tokens_are_not_text(tokenizer: Any) -> None:
    tokens = tokenizer.encode("a<|im_start|>b", add_special_tokens=False)
    assert "".join(streamed(tokenizer, tokens)) == "ab"
