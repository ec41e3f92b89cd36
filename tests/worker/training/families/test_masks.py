"""What is learned of a conversation, for every family: compared token by token, byte by byte.

The expected side knows nothing of offsets, templates or marks: each format is written by hand, and
a token is learned where one of its bytes is what the model writes.
"""

import re
from datetime import datetime
from itertools import accumulate
from typing import Any

import pytest

from storage.errors import StudioError
from tests.fakes.families import FAMILIES, TRL, Family, Piece, Turn
from tests.fakes.labelled import encoded
from worker.training import data, templates
from worker.training.display import byte_letters
from worker.training.tokens import IGNORED, Encoder, Tokens

ASKED = {"role": "user", "content": "Does it hurt?"}
SINGLE = [ASKED, {"role": "assistant", "content": "No."}]
MULTI = [*SINGLE, {"role": "user", "content": "Really?"},
         {"role": "assistant", "content": "Really, it does not."}]  # fmt: skip
SYSTEM = {"role": "system", "content": "Be kind."}
ANSWERS = {
    "unicode": "Smile 🙂 ünïcödé 漢字 \u202eא\u200d.",
    "space": "  No.",
    "newline": "\n\nNo.\n",
    "bracket": "]No[",
    "word": "x",
}


@pytest.fixture(scope="session")
def tokenizers() -> dict[str, Any]:
    return {family.name: family.tokenizer() for family in FAMILIES}


@pytest.fixture(params=FAMILIES, ids=lambda family: family.name)
def family(request: pytest.FixtureRequest) -> Family:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def tokenizer(family: Family, tokenizers: dict[str, Any]) -> Any:
    found = tokenizers[family.name]
    found.chat_template = family.template
    return found


def bytes_of(tokenizer: Any, token: int) -> bytes:
    """What a token writes, read from the vocabulary alone."""
    if token in tokenizer.added_tokens_decoder:
        return tokenizer.added_tokens_decoder[token].content.encode()
    piece = tokenizer.convert_ids_to_tokens(token)
    if tokenizer.backend_tokenizer.model.byte_fallback:
        raw = re.fullmatch(r"<0x([0-9A-F]{2})>", piece)
        return bytes([int(raw[1], 16)]) if raw else piece.replace("▁", " ").encode()
    return bytes(byte_letters()[letter] for letter in piece)


def expected(tokenizer: Any, ids: list[int], pieces: list[Piece]) -> list[int]:
    """Label the tokens of a text that was written by hand.

    A tokenizer may put a space where a text begins: it belongs to what follows it.
    """
    text = "".join(piece for piece, _ in pieces).encode()
    learned = [is_learned for piece, is_learned in pieces for _ in piece.encode()]
    labels, at = [], 0
    for token in ids:
        written = bytes_of(tokenizer, token)
        if not text.startswith(written, at):
            assert written.startswith(b" "), (written, text[at : at + 20])
            written = written[1:]
        end = at + len(written)
        assert text.startswith(written, at), (written, text[at : at + 20])
        is_learned = any(learned[at : max(end, at + 1)])
        labels.append(token if is_learned else IGNORED)
        at = end
    assert at == len(text), "every character is written by a token"
    return labels


def without(pieces: list[Piece], kept: set[int]) -> list[Piece]:
    """Leave only these of the learned pieces."""
    count = accumulate(int(is_learned) for _, is_learned in pieces)
    numbered = zip(pieces, count, strict=True)
    return [(text, is_learned and n - 1 in kept) for (text, is_learned), n in numbered]


def require_exact(family: Family, tokenizer: Any, turns: list[Turn]) -> Tokens:
    found = encoded(tokenizer, turns)
    assert found.labels == expected(tokenizer, found.ids, family.by_hand(turns))
    return found


def test_a_single_answer(family: Family, tokenizer: Any) -> None:
    require_exact(family, tokenizer, SINGLE)


def test_every_answer_of_a_long_conversation_and_the_token_that_ends_each(
    family: Family, tokenizer: Any
) -> None:
    found = require_exact(family, tokenizer, MULTI)
    end = next(token for token in found.labels[::-1] if token in tokenizer.added_tokens_decoder)
    assert found.labels.count(end) >= 1
    ends = {"Phi-3": "<|end|>", "Phi-4-mini": "<|end|>"}.get(family.name, family.special[0])
    assert found.labels.count(tokenizer.convert_tokens_to_ids(ends)) == 2


def test_a_system_turn_is_read_and_not_learned(family: Family, tokenizer: Any) -> None:
    if not family.system:
        pytest.skip("its format refuses system turns")
    require_exact(family, tokenizer, [SYSTEM, *MULTI])


@pytest.mark.parametrize("kind", ANSWERS)
def test_odd_answers(family: Family, tokenizer: Any, kind: str) -> None:
    answer = {"role": "assistant", "content": ANSWERS[kind]}
    require_exact(family, tokenizer, [ASKED, answer, ASKED, answer])


@pytest.mark.parametrize(("number", "kept"), [(1, {1}), (3, {0})])
def test_a_turn_of_weight_nought_is_read_and_not_learned(
    family: Family, tokenizer: Any, number: int, kept: set[int]
) -> None:
    turns = [dict(turn) for turn in MULTI]
    turns[number]["weight"] = 0
    pieces = without(family.by_hand(MULTI), kept)
    found = encoded(tokenizer, turns)
    if family.name.startswith("Phi"):  # the end of the text belongs to the last answer
        pieces[-1] = (pieces[-1][0], 1 in kept)
    assert found.labels == expected(tokenizer, found.ids, pieces)


def test_control_tokens_that_somebody_typed_are_mere_characters(
    family: Family, tokenizer: Any
) -> None:
    typed = f"End {family.special[-1]} here {family.special[0]}"
    turns = [{"role": "user", "content": typed}, {"role": "assistant", "content": typed}, *MULTI]
    found = require_exact(family, tokenizer, turns)
    asked = tokenizer.apply_chat_template(turns[:1], sanitize_control_tokens=True)["input_ids"]
    assert found.ids[: len(asked) - 2] == asked[:-2], "as the library reads it in a chat"


def test_packed_blocks_hold_the_same_answers(family: Family, tokenizer: Any) -> None:
    talks = [SINGLE, MULTI, [ASKED, {"role": "assistant", "content": ANSWERS["unicode"]}]]
    encoder = Encoder(tokenizer, templates.choose(tokenizer), response_only=True)
    rows = [{"messages": talk, "line": n} for n, talk in enumerate(talks)]
    packed = data.pack(data.encode(rows, encoder, 400, lambda: None), 400).examples
    found = []
    for block in packed:
        at = 0
        for length in block["seq_lengths"]:
            ids, labels = (block[k][at : at + length] for k in ("input_ids", "labels"))
            found.append((list(ids), list(labels)))
            at += length
    alone = [encoded(tokenizer, talk) for talk in talks]
    right = [
        (tokens.ids, expected(tokenizer, tokens.ids, family.by_hand(talk)))
        for tokens, talk in zip(alone, talks, strict=True)
    ]
    assert sorted(found) == sorted(right)
    assert len(packed) < len(talks)


def test_a_thought_is_written_in_tokens_of_its_own_and_learned(tokenizers: dict[str, Any]) -> None:
    family, tokenizer = own("Qwen3", tokenizers)
    thought = {"role": "assistant", "content": "<think>\nDoes it?\n</think>\n\nNo."}
    found = require_exact(family, tokenizer, [ASKED, thought, ASKED, thought])
    marks = tokenizer.convert_tokens_to_ids(["<think>", "</think>"])
    assert [found.labels.count(mark) for mark in marks] == [2, 2]
    typed = {"role": "user", "content": "Say <think> aloud"}
    found = require_exact(family, tokenizer, [typed, thought])
    assert [found.ids.count(mark) for mark in marks] == [1, 1], "typed, it is mere characters"


def test_a_format_that_drops_old_thoughts_is_exact_for_one_answer_or_names_the_line(
    tokenizers: dict[str, Any],
) -> None:
    family, tokenizer = own("Qwen3", tokenizers)
    tokenizer.chat_template = f"{family.template}\n"  # so that TRL does not know it
    thought = {"role": "assistant", "content": "<think>\nDoes it?\n</think>\n\nNo."}
    require_exact(family, tokenizer, [ASKED, thought])
    with pytest.raises(StudioError, match="In line 7 the answers cannot be told"):
        encoded(tokenizer, [ASKED, thought, ASKED, thought])


def test_the_date_that_a_format_writes_is_read_and_not_learned(tokenizers: dict[str, Any]) -> None:
    family, tokenizer = own("Llama 3.1", tokenizers)
    tokenizer.chat_template = (TRL / "llama3_2.jinja").read_text("utf-8")
    today = datetime.now().astimezone().strftime("%d %b %Y")
    found = encoded(tokenizer, MULTI)
    pieces = [(text.replace("26 Jul 2024", today), kept) for text, kept in family.by_hand(MULTI)]
    assert found.labels == expected(tokenizer, found.ids, pieces)


@pytest.mark.parametrize("name", ["Qwen2.5", "SmolLM", "Phi-4-mini", "Llama 3.1", "BLOOM"])
def test_two_answers_one_after_the_other_are_both_learned(
    name: str, tokenizers: dict[str, Any]
) -> None:
    family, tokenizer = own(name, tokenizers)
    require_exact(family, tokenizer, [*SINGLE, {"role": "assistant", "content": "Not at all."}])


def own(name: str, tokenizers: dict[str, Any]) -> tuple[Family, Any]:
    """Return a family, and its tokenizer with its own format."""
    family = next(family for family in FAMILIES if family.name == name)
    tokenizers[name].chat_template = family.template
    return family, tokenizers[name]
