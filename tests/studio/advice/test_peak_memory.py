"""The closed form of a run's memory: near what was measured, and never odd beside itself."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import specs
from storage.datasets import Dataset
from storage.model_facts import ModelFacts
from storage.specs import RunSpec
from studio.advice import memory as advice
from studio.advice import peak_memory
from studio.advice.known import Known
from studio.advice.machine import Machine
from studio.advice.memory import Memory
from tests.studio.advice.conftest import base, dataset

HERE = Machine(cores=2, free_memory=64_000_000_000)


def spec(**changes: Any) -> RunSpec:
    """Return settings that fit the tiny model, but for these changes."""
    given_ = {"dataset_id": "data_1", "base_model_id": "model_1", "max_length": 128, "rank": 8}
    return RunSpec(**{**given_, **changes})


def judged(facts: ModelFacts, settings: RunSpec, data: Dataset | None = None) -> Memory:
    """Return what is said of a run's memory."""
    found = advice.judged(settings, Known(data or dataset(), base(), facts), HERE)
    assert found is not None
    return found


SIZES = {
    "rank": st.integers(1, 32), "batch_size": st.integers(1, 64),
    "max_length": st.integers(16, 128),
}  # fmt: skip
OTHERS = {
    "gradient_checkpointing": st.booleans(),
    "quantization": st.sampled_from(["none", "8bit", "nf4", "fp4"]),
    "optimizer": st.sampled_from(get_args(specs.field("optimizer").annotation)),
    "adapter": st.sampled_from(get_args(specs.field("adapter").annotation)),
    "method": st.sampled_from(["sft", "pretrain", "dpo", "kto", "orpo", "reward", "distill"]),
}


def memory(facts: ModelFacts, **changes: Any) -> int:
    """Return what a run takes."""
    return judged(facts, spec(**changes)).total


@given(st.sampled_from(sorted(SIZES)), st.data())
def test_more_of_anything_never_needs_less_memory(
    facts: ModelFacts, name: str, data: st.DataObject
) -> None:
    settings = data.draw(st.fixed_dictionaries({**SIZES, **OTHERS}))
    larger = data.draw(SIZES[name])
    small, large = sorted((settings[name], larger))
    less, more = (memory(facts, **{**settings, name: value}) for value in (small, large))
    assert less <= more
    assert less > peak_memory.PROCESS_BYTES


@given(st.fixed_dictionaries({**SIZES, **OTHERS}), st.integers(1, 60), st.integers(1, 60))
def test_what_saves_memory_never_needs_more(
    facts: ModelFacts, settings: dict[str, Any], one: int, other: int
) -> None:
    def saved(name: str, saving: Any, plain: Any) -> bool:
        changed = (memory(sized, **{**settings, name: value}) for value in (saving, plain))
        least, most = changed
        return least <= most

    few, many = sorted((one, other))
    sized = facts.model_copy(update={"layers": many})
    assert saved("gradient_checkpointing", True, False)
    assert saved("optimizer", "adamw_bnb_8bit", "adamw_torch")
    fewer = memory(facts.model_copy(update={"layers": few}), **settings)
    assert fewer <= memory(sized, **settings)


def test_a_model_that_is_shrunk_more_has_smaller_weights(facts: ModelFacts) -> None:
    """Its layers keep a little more of each token: a small model that reads much gains nothing."""
    sized = facts.model_copy(update={"parameters": 50_000_000})
    ways = ("nf4", "8bit", "none")
    weights = [judged(sized, spec(quantization=way)).parts["weights"] for way in ways]
    assert weights == sorted(weights)


def test_embeddings_are_never_shrunk(facts: ModelFacts) -> None:
    tables = facts.vocabulary_size * facts.hidden_size
    linear = facts.parameters - tables
    usual, shrunk = (
        judged(facts, spec(quantization=way)).parts["weights"] for way in ("none", "8bit")
    )
    assert usual - shrunk == pytest.approx(3 * linear, abs=2)


def test_a_model_that_is_shrunk_already_takes_what_its_files_take(facts: ModelFacts) -> None:
    packed = facts.model_copy(update={"quantized": True, "weight_bytes": 7_000_000_000})
    assert memory(packed) - memory(facts) == 7_000_000_000 - 4 * facts.parameters


@pytest.mark.parametrize(
    ("sizes", "tokens", "megabytes"),
    [
        # parameters, width, inner width, layers, vocabulary; tokens; peak of the process, measured
        ((3_100_000, 256, 512, 4, 2_048), 2048, 953),
        ((20_500_000, 384, 1024, 8, 16_384), 1024, 1334),
        ((88_000_000, 576, 1536, 15, 49_152), 512, 2036),
    ],
)
def test_memory_is_near_what_was_measured(
    facts: ModelFacts, sizes: tuple[int, int, int, int, int], tokens: int, megabytes: int
) -> None:
    """It was measured in float32 on the library's own way, with texts as long as the limit."""
    names = ("parameters", "hidden_size", "intermediate_size", "layers", "vocabulary_size")
    sized = facts.model_copy(
        update={**dict(zip(names, sizes, strict=True)), "context_length": None}
    )
    settings = spec(max_length=tokens, batch_size=1, path="plain", packing=False)
    found = judged(sized, settings, dataset(mean=20_000.0, longest=20_000)).total
    # The probe imported less than a training does.
    assert 0.95 * megabytes < found / 1e6 < 1.35 * megabytes
