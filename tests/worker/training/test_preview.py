"""Rows as training reads them, in a form that a person can read."""

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from storage.errors import StudioError
from tests.fakes.training_home import Rows, TrainingHome
from worker.training import templates
from worker.training.display import Display, byte_letters
from worker.training.preview import preview
from worker.training.tokens import IGNORED, Encoder

ROWS: Rows = [
    {
        "messages": [
            {"role": "user", "content": "End </s> here?"},
            {"role": "assistant", "content": "Smile 🙂 näher"},
        ]
    },
    {"text": "Once upon a time"},
]


@pytest.fixture
def folder(home: TrainingHome) -> Path:
    """Return the folder of ROWS."""
    home.dataset(ROWS)
    return next(home.home.glob("datasets/*/rows"))


def test_it_shows_what_the_encoder_of_a_run_gives(folder: Path, llama: Path) -> None:
    found = preview(folder, llama, [1, 0], 20, response_only=True)
    tokenizer = AutoTokenizer.from_pretrained(llama)
    encoder = Encoder(tokenizer, templates.choose(tokenizer), response_only=True)
    expected = list(encoder.encode([ROWS[1] | {"line": 2}, ROWS[0] | {"line": 1}]))
    assert [row["row"] for row in found["rows"]] == [1, 0]
    for row, tokens in zip(found["rows"], expected, strict=True):
        assert [token["id"] for token in row["tokens"]] == tokens.ids
        assert [token["learned"] for token in row["tokens"]] == [
            label != IGNORED and n > 0 for n, label in enumerate(tokens.labels)
        ]
        assert row["length"] == len(tokens.ids)
    assert "the template's own marks" in found["template"]


def test_it_says_where_a_row_is_cut_and_what_is_left_to_learn(folder: Path, llama: Path) -> None:
    (row,) = preview(folder, llama, [1], 10, response_only=True)["rows"]
    assert (row["cut_at"], row["learned"]) == (10, 9), "nothing predicts the first"
    (row,) = preview(folder, llama, [1], 17, response_only=True)["rows"]
    assert (row["cut_at"], row["learned"], row["length"]) == (None, 16, 17)


def test_it_shows_the_format_that_was_chosen(folder: Path, llama: Path) -> None:
    found = preview(folder, llama, [0], 99, response_only=True, chat_format=("zephyr", None))
    shown = "".join(token["text"] for token in found["rows"][0]["tokens"])
    assert "<|assistant|>" in shown
    assert found["template"] == "zephyr; answers found by the template's own marks"


def test_parts_of_a_character_show_their_bytes_and_special_tokens_stand_out(
    folder: Path, llama: Path
) -> None:
    talk, text = preview(folder, llama, [0, 1], 99, response_only=True)["rows"]
    shown = "".join(token["text"] for token in talk["tokens"])
    picture = "".join(f"\\x{byte:02x}" for byte in "🙂".encode())
    umlaut = "".join(f"\\x{byte:02x}" for byte in "ä".encode())
    assert shown == f"user: End </s> here?assistant: Smile {picture} n{umlaut}her"
    assert not any(token["special"] for token in talk["tokens"]), "typed, so mere characters"
    assert [token["text"] for token in text["tokens"] if token["special"]] == ["</s>"]


def test_sentencepiece_tokens_show_spaces_and_bytes() -> None:
    pieces = [("<unk>", 0.0), ("▁Hello", -1.0), ("<0xC3>", -5.0), ("<0xA4>", -5.0)]
    inner = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=True))
    inner.decoder = decoders.Sequence([decoders.Metaspace(), decoders.ByteFallback()])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner)
    tokens = Display(tokenizer).show([1, 2, 3], [1, 2, IGNORED])
    assert [token["text"] for token in tokens] == [" Hello", "\\xc3", "\\xa4"]
    assert [token["learned"] for token in tokens] == [False, True, False]


def test_the_byte_letters_are_those_of_gpt_2() -> None:
    letters = byte_letters()
    assert (letters["Ġ"], letters["Ċ"], letters["a"], letters["Ń"]) == (32, 10, 97, 173)
    assert sorted(letters.values()) == list(range(256))


@pytest.mark.parametrize("numbers", [[2], [-1]])
def test_a_row_that_is_not_there_is_named(folder: Path, llama: Path, numbers: list[int]) -> None:
    with pytest.raises(StudioError, match=f"There is no row {numbers[0]} in this dataset"):
        preview(folder, llama, numbers, 20, response_only=True)


def test_a_row_that_the_template_refuses_is_named(home: TrainingHome, llama: Path) -> None:
    pair: dict[str, Any] = {"prompt": [], "chosen": [], "rejected": []}
    home.dataset([pair])
    with pytest.raises(StudioError, match="preference pairs"):
        preview(next(home.home.glob("datasets/*/rows")), llama, [0], 20, response_only=True)
