"""Continued pretraining: nothing of a text is cut off, and every token is learned once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import runs
from storage.errors import StudioError
from storage.status import RunStatus
from tests.fakes.training_home import TrainingHome, conversations
from worker.training import data, models
from worker.training.tokens import IGNORED, Encoder, Tokens

WORDS = "the patient takes one pill a day and sleeps well after that"


def texts(count: int, words: int) -> list[dict[str, str]]:
    """Return texts of different lengths, the last by far the longest."""
    short = [{"text": f"{number}: {WORDS[: 9 + number % 20]}."} for number in range(count - 1)]
    return [*short, {"text": " ".join([WORDS] * words)}]


@dataclass
class Ready(Encoder):
    """An encoder whose rows are tokens already."""

    def __init__(self) -> None: ...

    def encode(self, rows: Any) -> Any:
        for row in rows:
            yield Tokens(row["ids"], row["labels"])


ROWS = st.lists(
    st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=40), max_size=6
)


@given(ROWS, st.integers(2, 9))
def test_divided_rows_hold_every_token_and_every_label_once(
    rows: list[list[tuple[int, bool]]], length: int
) -> None:
    given_rows = [
        {"ids": [n for n, _ in row], "labels": [n if learned else IGNORED for n, learned in row]}
        for row in rows
    ]
    side = data.encode_whole(given_rows, Ready(), length, lambda: None)
    examples = side.examples.to_list()
    assert all(2 <= len(example["input_ids"]) <= length for example in examples)
    learned = [label for row in given_rows for label in row["labels"][1:] if label != IGNORED]
    found = [label for one in examples for label in one["labels"][1:] if label != IGNORED]
    assert found == learned
    assert side.count.learned == len(learned)
    assert side.count.divided == sum(len(row) > length for row in rows)


def test_texts_are_learned_whole_and_the_model_gets_better(home: TrainingHome, llama: Path) -> None:
    rows = texts(20, words=12)
    home.queue(home.dataset(rows), home.base_model(llama), method="pretrain", max_steps=12)
    run, outcome = home.train()
    assert outcome.status is RunStatus.FINISHED
    facts = run.facts or {}
    tokenizer = models.load_tokenizer(llama)
    tokens = [len(tokenizer(row["text"])["input_ids"]) + 1 for row in rows]  # and the end of text
    assert facts["train_learned"] + facts["eval_learned"] == sum(tokens) - len(rows)
    assert facts["train_divided"] + facts["eval_divided"] == 1
    assert facts["train_cut"] == facts["eval_cut"] == 0
    exams = home.curve(run.id, "eval_loss")
    assert exams[max(exams)] < exams[min(exams)]  # type: ignore[operator]
    assert (home.adapter_folder(run.id) / "adapter_model.safetensors").is_file()


def test_conversations_are_refused_with_the_way_that_fits(home: TrainingHome, llama: Path) -> None:
    run = home.queue(home.dataset(conversations(5)), home.base_model(llama), method="pretrain")
    with pytest.raises(StudioError, match="does not fit") as caught:
        home.train()
    assert "'Learn from answers'" in caught.value.hint
    assert runs.get(home.database, run.owner, run.id).step == 0
