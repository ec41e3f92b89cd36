"""Tokens are drawn as the settings say, from a random stream of their own."""

from collections import Counter
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from transformers import RepetitionPenaltyLogitsProcessor, TopPLogitsWarper

from worker.chat.sampling import Sampler, Sampling


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("temperature", float("nan")),
        ("temperature", float("inf")),
        ("temperature", "1"),
        ("temperature", True),
        ("top_p", 0),
        ("top_p", 1.1),
        ("max_tokens", 0),
        ("max_tokens", 1.5),
        ("repetition_penalty", 0),
        ("repetition_penalty", 3),
        ("seed", 2**70),
        ("seed", "a"),
        ("stop", [""]),
        ("stop", ["a"] * 5),
        ("stop", 7),
    ],
)
def test_each_bad_value_is_named(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refusal:
        Sampling.model_validate({field: value})
    assert refusal.value.errors()[0]["loc"][0] == field


def test_the_borders_of_every_range_are_allowed() -> None:
    Sampling(temperature=0, top_p=1, max_tokens=1, repetition_penalty=0.5, seed=-1, stop=("a",) * 4)
    Sampling(temperature=2, top_p=1e-9, repetition_penalty=2, seed=2**63 - 1)


def drawn(sampling: Sampling, logits: torch.Tensor, times: int = 4000) -> Counter[int]:
    sampler = Sampler(sampling, [0], len(logits))
    return Counter(sampler.pick(logits) for _ in range(times))


def test_temperature_zero_takes_the_most_likely() -> None:
    assert drawn(Sampling(temperature=0), torch.tensor([0.0, 3.0, 2.9])) == {1: 4000}


def test_tokens_are_drawn_as_often_as_they_are_likely() -> None:
    logits = torch.log(torch.tensor([0.5, 0.3, 0.2]))
    counts = drawn(Sampling(seed=1), logits)
    # Four standard deviations of a binomial count over 4000 draws are below 130.
    assert [counts[token] for token in range(3)] == pytest.approx([2000, 1200, 800], abs=130)


def test_a_higher_temperature_flattens() -> None:
    logits = torch.tensor([2.0, 0.0])
    assert drawn(Sampling(seed=1, temperature=2), logits)[1] > drawn(Sampling(seed=1), logits)[1]


@pytest.mark.parametrize("top_p", [0.01, 0.3, 0.5, 0.9, 0.99])
def test_the_nucleus_is_that_of_transformers(top_p: float) -> None:
    torch.manual_seed(3)
    logits = torch.randn(50)
    expected = TopPLogitsWarper(top_p)(torch.zeros(1, 1), logits[None])[0]
    allowed = set(torch.nonzero(expected.isfinite()).flatten().tolist())
    assert set(drawn(Sampling(seed=1, top_p=top_p), logits)) <= allowed
    rarest = min(allowed, key=lambda token: float(logits[token]))
    likely = torch.softmax(expected, -1)[rarest]
    times = int(20 / float(likely))
    assert rarest in drawn(Sampling(seed=1, top_p=top_p), logits, times)


def test_the_penalty_is_that_of_transformers() -> None:
    torch.manual_seed(4)
    prompt, expected, got = [1, 2], [], []
    sampler = Sampler(Sampling(temperature=0, repetition_penalty=1.4), prompt, 6)
    seen = list(prompt)
    for _ in range(30):
        logits = torch.randn(6)
        process = RepetitionPenaltyLogitsProcessor(1.4)
        expected.append(int(process(torch.tensor([seen]), logits[None].clone()).argmax()))
        got.append(sampler.pick(logits))
        seen.append(got[-1])
    assert got == expected


def test_the_same_seed_draws_the_same_and_no_seed_does_not() -> None:
    logits = torch.zeros(1000)

    def ten(seed: int | None) -> list[int]:
        sampler = Sampler(Sampling(seed=seed), [0], 1000)
        return [sampler.pick(logits) for _ in range(10)]

    assert ten(7) == ten(7)
    assert ten(7) != ten(8)
    assert ten(None) != ten(None)
