"""The quick counts are the encoder's, row by row, for every kind of tokenizer."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoTokenizer

from storage import rows
from storage.errors import StudioError
from tests.fakes.tokenizers import byte_level, sentencepiece, with_beginning
from tests.fakes.training_home import Rows, TrainingHome
from worker.training import counting, data, piecewise, templates
from worker.training.counting import analyse_tokens
from worker.training.pretokens import LLAMA3, QWEN2
from worker.training.tokens import IGNORED, Encoder

TRL = Path(templates.get_training_chat_template.__globals__["__file__"]).parent / "chat_templates"
STARTER = Path(counting.__file__).parents[1] / "starter/texts/chat_template.jinja"


def talk(*contents: str, **more: Any) -> dict[str, Any]:
    roles = ["user", "assistant"] * len(contents)
    turns = [{"role": r, "content": c} for r, c in zip(roles, contents, strict=False)]
    return {"messages": turns, **more}


ROWS: Rows = [
    talk("How are you today?", "I am well, thank you."),
    talk("Count", "1 22 333 4444 55555"),
    talk("One?", "Yes.", "Two?", "  no\n\n", "Three?", "\nPerhaps  "),
    talk("Smile", "🙂"),
    talk("A new picture", "\U0001fae9 and more"),
    talk("Décomposé", "e\u0301te\u0301"),
    talk("End <|im_end|> here <|eot_id|>", "It's DON'T and don't."),
    talk("No answer"),
    talk("Empty", ""),
    {"text": "Once upon a time <|im_end|> there was\r\n\r\n a 'tokenizer'."},
    {"text": "\u017f and e\u0301"},
    {"text": "x"},
    talk("Weight?", "Not this.", "And?", "This."),
    talk("東京は?", "東京です。" * 40),
    *[talk(f"What of {n}?", f"It is {n * n}, of course." * (n % 7)) for n in range(300)],
]
ROWS[12]["messages"][1]["weight"] = 0
LEARNED = [json.dumps(row, ensure_ascii=False) for row in ROWS]


def gpt2_like() -> Any:
    tokenizer = byte_level(LEARNED, None)
    tokenizer.chat_template = STARTER.read_text("utf-8").rstrip("\n")
    return tokenizer


def qwen2_like() -> Any:
    tokenizer = byte_level(LEARNED, QWEN2, composes=True)
    tokenizer.chat_template = (TRL / "qwen2_5.jinja").read_text("utf-8")
    return tokenizer


def llama3_like() -> Any:
    tokenizer = with_beginning(byte_level(LEARNED, LLAMA3))
    tokenizer.chat_template = (TRL / "llama3.jinja").read_text("utf-8")
    return tokenizer


def sentencepiece_like() -> Any:
    tokenizer = sentencepiece(LEARNED)
    tokenizer.chat_template = (TRL / "qwen2_5.jinja").read_text("utf-8")
    return tokenizer


def unmarked() -> Any:
    """A template of which nobody knows where its answers are."""
    tokenizer = qwen2_like()
    tokenizer.chat_template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    return tokenizer


def expected(folder: Path, base: Path, *, response_only: bool) -> list[tuple[int, int, int]]:
    """Measure each row by the encoder's labels."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    encoder = Encoder(tokenizer, templates.choose(tokenizer), response_only=response_only)
    found = []
    for tokens in encoder.encode(rows.iterate(folder)):
        learned = [n for n, label in enumerate(tokens.labels) if label != IGNORED and n > 0]
        length = len(tokens.ids)
        found.append((length, min(learned, default=length), len(learned)))
    return found


def folder_of(home: TrainingHome, content: Rows) -> Path:
    home.dataset(content)
    return next(home.home.glob("datasets/*/rows"))


def analysed(
    folder: Path, tokenizer: Any, *, response_only: bool = True
) -> tuple[dict[str, Any], Any, Path]:
    base = folder.parent / "base"
    tokenizer.save_pretrained(base)
    file = folder / "tokens.npy"
    told: list[float] = []
    found = analyse_tokens(folder, base, response_only, file, lambda share, _: told.append(share))
    assert all(0 <= share <= 1 for share in told)
    return found, np.load(file), base


@pytest.mark.parametrize("response_only", [True, False])
@pytest.mark.parametrize(
    ("make", "counted"),
    [
        (gpt2_like, "fast"),
        (qwen2_like, "fast"),
        (llama3_like, "fast"),
        (sentencepiece_like, "batch"),
        (unmarked, "fast"),
    ],
)
def test_every_row_is_measured_as_the_encoder_does(
    home: TrainingHome, make: Callable[[], Any], counted: str, response_only: bool
) -> None:
    is_fast = counted == "fast"  # the Unigram model could write a control token by itself
    content = ROWS if is_fast else [row for row in ROWS if "<|" not in json.dumps(row)]
    folder = folder_of(home, content)
    found, pairs, base = analysed(folder, make(), response_only=response_only)
    right = expected(folder, base, response_only=response_only)
    assert found["counted"] == counted
    assert (found["why"] is None) is is_fast
    assert pairs.dtype == np.uint32
    assert [tuple(pair) for pair in pairs.tolist()] == [(a, b) for a, b, _ in right]
    assert found["rows"] == len(content)
    assert found["tokens"] == sum(length for length, _, _ in right)
    assert found["learned"] == sum(learned for _, _, learned in right)
    assert found["learned_share"] == pytest.approx(found["learned"] / found["tokens"])
    assert found["nothing_learned"] == sum(not learned for _, _, learned in right)


@pytest.mark.parametrize("make", [gpt2_like, qwen2_like, llama3_like])
def test_most_rows_need_no_encoder(home: TrainingHome, make: Callable[[], Any]) -> None:
    tokenizer = make()
    encoder = Encoder(tokenizer, templates.choose(tokenizer), response_only=True)
    quick = counting.QuickMeasure(encoder)
    folder = folder_of(home, ROWS)
    found = [quick.row(row) for row in rows.iterate(folder)]
    assert sum(one is None for one in found) < 10
    measured = map(counting.measure, encoder.encode(rows.iterate(folder)))
    for one, right in zip(found, measured, strict=True):
        assert one in (None, right)


def test_cut_rows_and_lost_answers_can_be_read_from_the_array(home: TrainingHome) -> None:
    folder = folder_of(home, ROWS)
    _, pairs, base = analysed(folder, qwen2_like())
    tokenizer = AutoTokenizer.from_pretrained(base)
    encoder = Encoder(tokenizer, templates.choose(tokenizer), response_only=True)
    for longest in (30, 60):
        side = counting_side(encoder, folder, longest)
        assert side.cut == int((pairs[:, 0] > longest).sum())
        assert side.dropped == int((pairs[:, 1] >= longest).sum() + nothing(pairs, longest))


def nothing(pairs: Any, longest: int) -> int:
    """Rows that are short enough and have nothing to learn anyway."""
    return int(((pairs[:, 1] == pairs[:, 0]) & (pairs[:, 0] < longest)).sum())


def counting_side(encoder: Encoder, folder: Path, longest: int) -> Any:
    return data.encode(rows.iterate(folder), encoder, longest, lambda: None).count


def test_percentiles_and_bars_are_those_of_the_lengths(home: TrainingHome) -> None:
    found, pairs, _ = analysed(folder_of(home, ROWS), gpt2_like())
    lengths = sorted(pairs[:, 0].tolist())
    assert found["percentiles"]["100"] == lengths[-1]
    middle = found["percentiles"]["50"]
    assert sum(length <= middle for length in lengths) >= len(lengths) / 2
    assert sum(length < middle for length in lengths) < len(lengths) / 2
    for bar in found["histogram"]:
        assert bar["rows"] == sum(bar["from"] <= length < bar["to"] for length in lengths)
    assert sum(bar["rows"] for bar in found["histogram"]) == len(ROWS)
    assert len(found["histogram"]) <= 20


def test_a_difference_to_the_tokenizer_is_found_and_the_quick_way_given_up(
    home: TrainingHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(home, ROWS)
    count = piecewise._Memo.__missing__
    monkeypatch.setattr(piecewise._Memo, "__missing__", lambda *given: count(*given) + 1)
    found, pairs, base = analysed(folder, qwen2_like())
    assert found["counted"] == "batch"
    assert "another number" in found["why"]
    right = expected(folder, base, response_only=True)
    assert pairs[:, 0].tolist() == [length for length, _, _ in right]


def test_counts_of_texts_are_those_of_the_batch_call() -> None:
    texts = ["", "<|im_end|>a", "e\u0301", "\U0001fae9", *LEARNED]
    for tokenizer in (gpt2_like(), qwen2_like(), llama3_like(), sentencepiece_like()):
        right = [len(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]
        assert piecewise.counts(tokenizer, texts)[0] == right


def test_the_memory_for_pieces_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piecewise, "_MOST_PIECES", 10)
    quick = piecewise.Piecewise(gpt2_like())
    text = " ".join(f"word{n}" for n in range(100)) + " " + "x" * 500
    assert quick.count(text) == len(gpt2_like()(text)["input_ids"])
    memo = quick._count.__self__  # type: ignore[attr-defined]
    assert 0 < len(memo) <= 10


def test_a_row_that_the_template_refuses_is_named(home: TrainingHome) -> None:
    tokenizer = qwen2_like()
    tokenizer.chat_template = (
        "{% for m in messages %}{% if 'today' in m.content %}{{ raise_exception('not today') }}"
        "{% endif %}{{ m.content }}{% endfor %}"
    )
    with pytest.raises(StudioError, match=r"Line 1 does not fit .*not today"):
        analysed(folder_of(home, ROWS), tokenizer)


def test_a_dataset_without_rows_has_an_answer_too(home: TrainingHome) -> None:
    found, pairs, _ = analysed(folder_of(home, []), qwen2_like())
    assert (found["rows"], found["tokens"], found["histogram"]) == (0, 0, [])
    assert pairs.shape == (0, 2)


def test_a_difference_in_counts_of_texts_is_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer, count = qwen2_like(), piecewise._Memo.__missing__
    monkeypatch.setattr(piecewise._Memo, "__missing__", lambda *given: count(*given) + 1)
    found, why = piecewise.counts(tokenizer, LEARNED)
    assert found == [len(ids) for ids in tokenizer(LEARNED)["input_ids"]]
    assert why is not None


def test_places_in_a_text_that_the_tokenizer_rewrites_are_left_to_the_encoder() -> None:
    quick = piecewise.Piecewise(qwen2_like())
    assert quick.places("\u00e9t\u00e9 fini", [3]) is not None
    assert quick.places("e\u0301te\u0301 fini", [5]) is None
