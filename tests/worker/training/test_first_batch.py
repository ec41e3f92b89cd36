"""The first batch that a person sees is the one that the model's forward was given."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModelForCausalLM

from tests.fakes.training_home import TrainingHome, conversations
from worker.training import first_batch
from worker.training.tokens import IGNORED


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, torch.Tensor]]:
    """Return what the model is given in training, filled while it trains."""
    seen: list[dict[str, torch.Tensor]] = []
    forward = PeftModelForCausalLM.forward

    def listening(self: Any, *args: Any, **inputs: Any) -> Any:
        if self.training:
            seen.append(inputs)
        return forward(self, *args, **inputs)

    monkeypatch.setattr(PeftModelForCausalLM, "forward", listening)
    return seen


def kept(home: TrainingHome, run_id: str) -> dict[str, Any]:
    file = home.files.run(run_id) / first_batch.NAME
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def column(example: dict[str, Any], name: str) -> list[Any]:
    return [token[name] for token in example["tokens"]]


@pytest.mark.parametrize(("packing", "way"), [(True, "auto"), (False, "plain")])
def test_it_is_what_the_model_was_given(
    home: TrainingHome, llama: Path, given: list[dict[str, torch.Tensor]], packing: bool, way: str
) -> None:
    rows = conversations(24)
    home.queue(
        home.dataset(rows), home.base_model(llama), packing=packing, path=way, max_length=128
    )
    run, _ = home.train()
    batch, first = kept(home, run.id), given[0]
    ids, labels = first["input_ids"].tolist(), first["labels"].tolist()
    padding = 0
    for number, example in enumerate(batch["examples"]):
        real = len(example["tokens"])
        padding += len(ids[number]) - real
        assert column(example, "id") == ids[number][:real]
        learned = [label != IGNORED for label in labels[number]]
        assert column(example, "learned") == learned[:real]
        assert not any(learned[real:]), "padding is not learned"
        assert sum(example["segments"]) == real
    assert len(batch["examples"]) == len(ids)
    assert batch["packing"] is packing
    assert batch["padding"] == padding
    assert (padding > 0) is not packing
    assert batch["rows"] == sum(len(example["segments"]) for example in batch["examples"])
    assert batch["rows"] > 2 if packing else batch["rows"] == 2
    assert batch["learned"] == sum(label != IGNORED for line in labels for label in line)


def test_packed_rows_are_told_apart(home: TrainingHome, llama: Path) -> None:
    home.queue(home.dataset(conversations(24)), home.base_model(llama), max_length=128)
    run, _ = home.train()
    (example,) = kept(home, run.id)["examples"]
    texts, start = [], 0
    for length in example["segments"]:
        texts.append("".join(column(example, "text")[start : start + length]))
        start += length
    assert all(text.startswith("user: What about ") for text in texts)


def test_a_later_attempt_leaves_it_alone(tmp_path: Path, llama: Path) -> None:
    (tmp_path / first_batch.NAME).write_text("{}", encoding="utf-8")
    first_batch.keep(tmp_path, {}, tokenizer=None)
    assert (tmp_path / first_batch.NAME).read_text(encoding="utf-8") == "{}"
