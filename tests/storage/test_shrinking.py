"""Half the batch, twice the accumulation: the same corrections; and when that cannot be."""

from typing import Any

import pytest

from storage import shrinking
from storage.specs import RunSpec


def spec(**settings: Any) -> RunSpec:
    return RunSpec(dataset_id="d", base_model_id="m", **settings)


@pytest.mark.parametrize("halvings", range(4))
def test_the_examples_behind_a_correction_stay_the_same(halvings: int) -> None:
    asked = spec(batch_size=24, accumulation=3)
    found = shrinking.shrunk(asked, halvings)
    assert found.batch_size == 24 / 2**halvings
    assert found.effective_batch == asked.effective_batch


def test_it_is_halved_three_times_at_most() -> None:
    asked = spec(batch_size=64)
    assert [bool(shrinking.obstacle(asked, times)) for times in range(4)] == [False] * 3 + [True]


@pytest.mark.parametrize(
    ("settings", "halvings", "words"),
    [
        ({"batch_size": 1}, 0, "one example at a time"),
        ({"batch_size": 4}, 2, "one example at a time"),
        ({"batch_size": 6}, 1, "3 examples at once, which cannot be halved"),
        ({"batch_size": 4, "retry_smaller": False}, 0, "switched off"),
        ({"batch_size": 4, "method": "kto"}, 0, "another way of learning"),
        ({"batch_size": 4, "method": "dpo", "preference_loss": "aot"}, 0, "another way"),
    ],
)
def test_what_stands_against_it_is_said(
    settings: dict[str, Any], halvings: int, words: str
) -> None:
    assert words in shrinking.obstacle(spec(**settings), halvings)
