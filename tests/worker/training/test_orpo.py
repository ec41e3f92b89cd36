"""Answers and preferences learned at once: the loss is the paper's, without any reference."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.fakes.by_hand import answered, texts_in
from tests.fakes.judged_rows import pairs
from tests.fakes.prepared_recipe import Prepared, prepare
from tests.fakes.training_home import TrainingHome
from worker.training import orpo

BETA = 0.3


@pytest.fixture(scope="module")
def prepared(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """Return a trainer with an exam of three pairs, two at once."""
    home = TrainingHome.make(tmp_path_factory.mktemp("prepared"))
    rows = [row | ({"split": "test"} if n < 3 else {}) for n, row in enumerate(pairs(9))]
    home.queue(home.dataset(rows), home.base_model(llama), method="orpo", beta=BETA, max_length=128)
    yield prepare(home, orpo)
    home.database.close()


def scored(prepared: Prepared, batch: dict[str, Tensor]) -> list[Tensor]:
    """Return the log-probability of each token of each answer of a batch, by hand."""
    tokenizer, model = prepared.ready.tokenizer, prepared.trainer.model
    return [answered(model, tokenizer, *text) for text in texts_in(batch, tokenizer)]


def odds(likelihood: Tensor) -> Tensor:
    """Return the odds of an answer, P / (1 - P), equation 4; `likelihood` is log P, equation 3."""
    return likelihood.exp() / (1 - likelihood.exp())


def loss_of(answers: list[Tensor]) -> Tensor:
    """Return equation 6 of ORPO (arXiv 2403.07691), L_SFT + lambda L_OR, the latter equation 7."""
    half = len(answers) // 2
    learned = torch.cat(answers[:half])
    ratios = [
        torch.log(odds(better.mean()) / odds(worse.mean()))
        for better, worse in zip(answers[:half], answers[half:], strict=True)
    ]
    preferring = -torch.log(torch.sigmoid(torch.stack(ratios))).mean()
    return -learned.mean() + BETA * preferring


def test_loss_and_gradients_are_those_of_the_paper(prepared: Prepared) -> None:
    batch = prepared.batch()
    ours = prepared.loss(batch)
    found = prepared.gradients(ours)
    theirs = loss_of(scored(prepared, batch))
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-4)
    for name, gradient in prepared.gradients(theirs).items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-6)


def test_an_exam_tells_the_means_over_its_pairs(prepared: Prepared) -> None:
    found = prepared.examine()
    tokenizer, model = prepared.ready.tokenizer, prepared.trainer.model
    rewards = []
    with torch.no_grad():
        for row in pairs(3):
            sides = [
                answered(model, tokenizer, row["prompt"][0]["content"], row[side][0]["content"])
                for side in ("chosen", "rejected")
            ]
            rewards.append([BETA * side.mean().item() for side in sides])
    margins = [better - worse for better, worse in rewards]
    assert found["eval_rewards/margins"] == pytest.approx(sum(margins) / 3, rel=1e-3)
    accuracy = sum(margin > 0 for margin in margins) / 3
    assert found["eval_rewards/accuracies"] == pytest.approx(accuracy)


@pytest.mark.parametrize(
    "changes",
    [
        {"quantization": "nf4", "precision": "bfloat16"},
        {"quantization": "8bit", "gradient_checkpointing": True},
    ],
    ids=lambda changes: "-".join(map(str, next(iter(changes.items())))),
)
def test_each_way_of_loading_learns_and_tells_its_curves(
    home: TrainingHome, llama: Path, changes: dict[str, Any]
) -> None:
    rows = [row | ({"split": "test"} if n < 2 else {}) for n, row in enumerate(pairs(6))]
    data, base = home.dataset(rows), home.base_model(llama)
    home.queue(
        data, base, method="orpo", max_length=128, max_steps=2, scheduler="constant", eval_every=1,
        **changes,
    )  # fmt: skip
    run, _ = home.train()
    losses = home.curve(run.id, "answer_loss")
    assert losses[2] < losses[1]  # type: ignore[operator]
    for name in ("reward_margin", "reward_accuracy", "log_odds", "answer_loss"):
        assert list(home.curve(run.id, name)) == [1, 2]
        assert list(home.curve(run.id, f"eval_{name}")) == [1, 2]
    assert all(speed for speed in home.curve(run.id, "tokens_per_second").values())
