"""Hidden states and heads as the models themselves have them."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from storage.errors import StudioError
from worker.training.divergence import divergences, head_of, hidden_states, require_known_head


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_padding_on_the_left_moves_nothing(request: pytest.FixtureRequest, name: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(request.getfixturevalue(name)).eval()
    line = torch.tensor([[5, 6, 7, 8]])
    padded = torch.tensor([[0, 0, 0, 5, 6, 7, 8]])
    with torch.no_grad():
        plain = hidden_states(model, line, torch.ones_like(line))
        moved = hidden_states(model, padded, (padded > 0).long())[:, 3:]
        scores = torch.nn.functional.linear(plain, head_of(model).weight)
        assert torch.allclose(plain, moved, atol=1e-5)
        assert torch.allclose(scores, model(input_ids=line).logits, atol=1e-5)


def test_scores_that_are_made_in_another_way_are_refused_in_words(llama: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(llama)
    require_known_head(model, "Mine")
    model.config.logit_scale = 2.0  # this architecture does not scale
    with pytest.raises(StudioError, match=r"Mine scores its words in a way of its own \(llama\)"):
        require_known_head(model, "Mine")


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_equal_models_are_not_apart_and_the_shorter_head_counts(llama: Path, beta: float) -> None:
    model = AutoModelForCausalLM.from_pretrained(llama)
    states = torch.randn(3, 32)
    head = head_of(model)
    apart, entropy = divergences((states, head.first(200)), (states, head), beta, 1.0)
    assert apart.abs().max() < 1e-6
    chances = torch.softmax(states @ head.weight[:200].T, dim=-1)
    assert torch.allclose(entropy, -(chances * chances.log()).sum(-1), atol=1e-4)
