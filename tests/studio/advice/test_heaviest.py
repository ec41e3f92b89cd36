"""The heaviest batch: the longest texts there are, and never longer than the limit."""

from typing import Any

import numpy as np

from storage.model_facts import ModelFacts
from storage.specs import RunSpec
from studio.advice import heaviest
from studio.advice.known import Known
from tests.studio.advice.conftest import base, dataset

COUNTED = np.array([[10, 4], [100, 50], [30, 30], [60, 0], [300, 200]])
"""Of each row how long it is, and where what is learned of it begins."""


def spec(**changes: Any) -> RunSpec:
    """Return settings that read two texts at once."""
    given = {"dataset_id": "d", "base_model_id": "m", "max_length": 128, "batch_size": 2}
    return RunSpec(**{**given, "packing": False, **changes})


def known(facts: ModelFacts, counted: Any = COUNTED) -> Known:
    """Return five rows whose tokens were counted."""
    return Known(dataset(rows=5), base(), facts, lengths=counted)


def test_the_longest_texts_are_read_together_and_cut_at_the_limit(facts: ModelFacts) -> None:
    found = heaviest.of(spec(), known(facts))
    assert sorted(found.texts) == [100, 128]
    assert found.tokens == 228
    assert found.padded == 256


def test_only_answers_are_learned_unless_all_is(facts: ModelFacts) -> None:
    learned = [6, 50, 0, 60, 0]  # the last one is cut before its answer
    share = sum(learned) / (10 + 100 + 30 + 60 + 128)
    assert heaviest.of(spec(), known(facts)).learned == share
    assert heaviest.of(spec(response_only=False), known(facts)).learned == 1.0


def test_packed_blocks_hold_rows_up_to_their_length(facts: ModelFacts) -> None:
    many = np.tile(COUNTED, (100, 1))
    found = heaviest.of(spec(packing=True, batch_size=3), known(facts, many))
    assert found.tokens == 3 * 128
    assert max(found.texts) <= 128


def test_more_is_never_read_than_there_is(facts: ModelFacts) -> None:
    few = heaviest.of(spec(batch_size=64), known(facts))
    assert len(few.texts) == 5
    block = heaviest.of(spec(packing=True, batch_size=64), known(facts))
    assert block.tokens <= 5 * 128


def test_before_tokens_are_counted_texts_may_be_longer_than_estimated(facts: ModelFacts) -> None:
    told = Known(dataset(rows=500, mean=60.0, longest=200), base(), facts)
    found = heaviest.of(spec(), told)
    assert len(found.texts) == 2
    assert found.texts[0] <= 128
    long = Known(dataset(rows=500, mean=4_000.0, longest=40_000), base(), facts)
    assert heaviest.of(spec(), long).texts == (128, 128)
