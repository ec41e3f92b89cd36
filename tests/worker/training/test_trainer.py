"""Scoring the learned positions alone changes the time, never the loss or its gradients."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM
from trl.trainer.utils import add_fused_lm_head

from tests.fakes.training_home import TrainingHome, conversations
from worker.training import models, trainer
from worker.training.trainer import answers_only_head


def loss_and_gradients(folder: Path) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    model = AutoModelForCausalLM.from_pretrained(folder)
    add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    generator = torch.Generator().manual_seed(3)
    ids = torch.randint(1, 300, (2, 40), generator=generator)
    labels = ids.clone()
    labels[:, :25] = -100
    out = model(input_ids=ids, labels=labels, fused_lm_head=True)
    out.loss.backward()
    return out.loss.detach(), {name: p.grad for name, p in model.named_parameters()}


def test_loss_and_gradients_are_those_of_plain_trl(llama: Path) -> None:
    plain_loss, plain = loss_and_gradients(llama)
    with answers_only_head() as path:
        quick_loss, quick = loss_and_gradients(llama)
    assert path == trainer.ANSWERS_PATH
    torch.testing.assert_close(quick_loss, plain_loss, rtol=1e-4, atol=0)
    for name, gradient in plain.items():
        torch.testing.assert_close(quick[name], gradient, rtol=1e-4, atol=1e-7, msg=name)


def test_it_scores_fewer_positions(llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[int] = []
    chunked = trainer.trl.trainer.utils._ChunkedLogProbFunction.apply

    def count(hidden: torch.Tensor, *rest: object) -> object:
        scored.append(hidden.shape[0])
        return chunked(hidden, *rest)

    head = trainer.trl.trainer.utils._ChunkedLogProbFunction
    monkeypatch.setattr(head, "apply", count)
    loss_and_gradients(llama)
    with answers_only_head():
        loss_and_gradients(llama)
    assert scored == [2 * 39, 2 * 15]


def test_examples_in_one_block_cannot_see_each_other(llama: Path, gpt2: Path) -> None:
    for folder in (llama, gpt2):
        assert models.isolates(AutoModelForCausalLM.from_pretrained(folder))


def test_a_model_that_lets_them_see_each_other_is_found_out(llama: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(llama)
    through = model.forward

    def without_positions(**inputs: torch.Tensor) -> object:
        return through(**{**inputs, "position_ids": torch.arange(16)[None]})

    model.forward = without_positions
    assert not models.isolates(model)


def test_packed_and_unpacked_examples_have_the_same_loss(
    new_home: Callable[[], TrainingHome], llama: Path
) -> None:
    """All examples in one step: then the order in which they come does not matter."""
    first = []
    for packing in (True, False):
        home = new_home()
        data, base = home.dataset(conversations(8)), home.base_model(llama)
        home.queue(
            data, base, packing=packing, max_length=128, batch_size=8, max_steps=1, eval_share=0.0
        )
        run, _ = home.train()
        first.append(home.curve(run.id, "loss")[1])
    assert first[0] == pytest.approx(first[1], rel=1e-5)
