"""Reward models: the loss is Bradley and Terry's, and the head is saved with the adapter."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from peft import PeftModel
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModelForSequenceClassification, AutoTokenizer, CodeGenConfig

from storage.errors import StudioError
from tests.fakes.judged_rows import pairs
from tests.fakes.prepared_recipe import Prepared, prepare
from tests.fakes.tiny_models import save_model
from tests.fakes.training_home import TrainingHome
from worker.training import recipe, reward
from worker.training.data import Count, Side


@pytest.fixture(scope="module")
def prepared(gpt2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """Return a trainer with an exam of three pairs, two at once."""
    home = TrainingHome.make(tmp_path_factory.mktemp("prepared"))
    rows = [row | ({"split": "test"} if n < 3 else {}) for n, row in enumerate(pairs(9))]
    home.queue(home.dataset(rows), home.base_model(gpt2), method="reward", max_length=200)
    yield prepare(home, reward)
    home.database.close()


def margins(prepared: Prepared, ids: list[Tensor]) -> Tensor:
    """Return by how much each better conversation scores above the worse, each read alone."""
    model = prepared.trainer.model
    scores = [model(input_ids=one[None]).logits[0, 0] for one in ids]
    half = len(scores) // 2
    return torch.stack(scores[:half]) - torch.stack(scores[half:])


def lines(batch: dict[str, Tensor]) -> list[Tensor]:
    pairs_of = zip(batch["input_ids"], batch["attention_mask"], strict=True)
    return [ids[mask.bool()] for ids, mask in pairs_of]


def test_loss_and_gradients_are_those_of_the_formula(prepared: Prepared) -> None:
    batch = prepared.batch()
    ours = prepared.loss(batch)
    found = prepared.gradients(ours)
    theirs = -torch.log(torch.sigmoid(margins(prepared, lines(batch)))).mean()
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-4)
    for name, gradient in prepared.gradients(theirs).items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-6)


def test_a_conversation_is_scored_at_its_very_last_token(prepared: Prepared) -> None:
    batch = prepared.batch()
    model = prepared.trainer.model
    with torch.no_grad():
        together = model(**batch).logits[:, 0]
        for number, ids in enumerate(lines(batch)):
            hidden = model.base_model.model.transformer(ids[None]).last_hidden_state
            alone = model.base_model.model.score(hidden[0, -1])
            torch.testing.assert_close(together[number : number + 1], alone)


def test_padding_is_a_token_that_ends_no_conversation() -> None:
    def side(chosen: list[list[int]], rejected: list[list[int]]) -> Side:
        examples = Dataset.from_dict({"chosen_ids": chosen, "rejected_ids": rejected})
        return Side(examples, Count(), 9)

    ends = side([[5, 0], [5, 1]], [[5, 3], [2, 7]])
    assert reward.padding_token(0, ends, None) == 2
    assert reward.padding_token(0, side([[0, 4]], [[0, 5]])) == 0
    assert reward.padding_token(4, side([[0, 4]], [[0, 5]]), ends) == 2


def test_an_exam_tells_the_means_over_its_pairs(prepared: Prepared) -> None:
    found = prepared.examine()
    examples = prepared.trainer.eval_dataset
    ids = [torch.tensor(one) for side in ("chosen_ids", "rejected_ids") for one in examples[side]]
    with torch.no_grad():
        by_hand = margins(prepared, ids)
    assert found["eval_margin"] == pytest.approx(by_hand.mean().item(), rel=1e-3)
    assert found["eval_accuracy"] == pytest.approx((by_hand > 0).float().mean().item())
    loss = -torch.nn.functional.logsigmoid(by_hand).mean()
    assert found["eval_loss"] == pytest.approx(loss.item(), rel=1e-3)


@pytest.mark.parametrize("changes", [{}, {"quantization": "8bit"}])
def test_the_head_is_saved_with_the_adapter_and_scores_the_same(
    home: TrainingHome, llama: Path, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    models: list[Any] = []
    steps = recipe.run_steps
    monkeypatch.setattr(
        recipe, "run_steps",
        lambda job, ready, *rest: (models.append(ready.trainer.model), steps(job, ready, *rest))[1],
    )  # fmt: skip
    rows = [row | ({"split": "test"} if n < 2 else {}) for n, row in enumerate(pairs(6))]
    data, base = home.dataset(rows), home.base_model(llama)
    home.queue(data, base, method="reward", max_length=128, max_steps=4, eval_every=2, **changes)
    run, _ = home.train()
    for name in ("reward_margin", "reward_accuracy", "reward_mean"):
        assert list(home.curve(run.id, name)) == [1, 2, 3, 4]
        assert list(home.curve(run.id, f"eval_{name}")) == [2, 4]
    found = home.curve(run.id, "reward_margin")
    assert found[4] > found[1]  # type: ignore[operator]
    folder = home.adapter_folder(run.id)
    assert any("score" in name for name in load_file(folder / "adapter_model.safetensors"))
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["task_type"] == "SEQ_CLS"
    talk = [*rows[0]["prompt"], *rows[0]["chosen"]]
    ids = AutoTokenizer.from_pretrained(folder).apply_chat_template(talk, return_tensors="pt")
    fresh = PeftModel.from_pretrained(
        AutoModelForSequenceClassification.from_pretrained(
            llama,
            num_labels=1,
            dtype=torch.float32,
            quantization_config=models[0].config.__dict__.get("quantization_config"),
        ),
        folder,
    )
    with torch.no_grad():
        scores = [model.eval()(ids["input_ids"]).logits for model in (fresh, models[0])]
    torch.testing.assert_close(*scores, rtol=1e-4, atol=1e-5)


def test_half_an_answer_is_never_judged(home: TrainingHome, llama: Path) -> None:
    home.queue(
        home.dataset(pairs(4)), home.base_model(llama), method="reward", max_length=32,
        eval_share=0.0,
    )  # fmt: skip
    with pytest.raises(StudioError, match="lie beyond the longest example") as caught:
        home.train()
    assert "Longest example" in caught.value.hint


def test_a_base_model_without_a_judge_is_refused_in_words(
    home: TrainingHome, llama: Path, tmp_path: Path
) -> None:
    shutil.copytree(llama, tmp_path / "odd")
    save_model(tmp_path / "odd", CodeGenConfig(n_embd=32, n_layer=1, n_head=4, vocab_size=300))
    data, base = home.dataset(pairs(4)), home.base_model(tmp_path / "odd")
    home.queue(data, base, method="reward", eval_share=0.0)
    with pytest.raises(StudioError, match="no judge made of a codegen model") as caught:
        home.train()
    assert "DPO" in caught.value.hint
