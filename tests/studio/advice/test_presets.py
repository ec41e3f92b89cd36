"""Presets fill in settings that exist, and nothing that a model refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import specs
from storage.base_models import Source
from storage.model_facts import ModelFacts
from storage.specs import RunSpec
from storage.status import WorkStatus
from studio.advice import plan, presets
from studio.advice.plan import Machine
from tests.studio.advice.conftest import base, dataset

PLACES = {"dataset_id": "data_1", "base_model_id": "model_1"}


def test_a_preset_is_what_the_form_offers() -> None:
    declared = RunSpec.model_json_schema()["properties"]["preset"]["enum"]
    assert list(presets.NAMES) == declared


@pytest.mark.parametrize("name", presets.NAMES)
@pytest.mark.parametrize("small", [True, False])
def test_a_preset_fills_in_settings_that_exist_and_none_of_the_basics(
    name: str, small: bool
) -> None:
    given_ = presets.settings(name, None, 0, small=small)
    assert set(given_) <= set(RunSpec.model_fields) - set(specs.names_in("basics"))
    assert specs.parse({**PLACES, **given_}).preset == "balanced"


@given(
    name=st.sampled_from(presets.NAMES), rows=st.integers(2, 10**6),
    width=st.integers(8, 8192), context=st.none() | st.integers(16, 200_000),
    parameters=st.integers(1000, 10**11),
)  # fmt: skip
def test_a_preset_has_no_fault_against_any_model(
    facts: ModelFacts, name: str, rows: int, width: int, context: int | None, parameters: int
) -> None:
    sizes = {"hidden_size": width, "context_length": context, "parameters": parameters}
    known = facts.model_copy(update=sizes)
    small = presets.is_small(base(), known)
    spec = specs.parse({**PLACES, **presets.settings(name, known, rows, small=small)})
    found = plan.plan(spec, dataset(rows), base(), known, Machine(2, 10**12))
    assert found.faults == []


def test_more_thorough_is_more_of_everything() -> None:
    quick, balanced, quality = (
        presets.settings(name, None, 1000, small=True) for name in presets.NAMES
    )
    for less, more in ((quick, balanced), (balanced, quality)):
        assert less["epochs"] < more["epochs"]
        assert less["rank"] < more["rank"]


def test_a_small_model_learns_with_larger_corrections() -> None:
    small, large = (presets.settings("quick", None, 1000, small=one) for one in (True, False))
    assert small["learning_rate"] > large["learning_rate"]


def test_a_model_is_small_by_its_parameters_and_the_starter_before_it_is_there(
    facts: ModelFacts,
) -> None:
    large = facts.model_copy(update={"parameters": presets.SMALL_MODEL})
    assert presets.is_small(base(), facts)
    assert not presets.is_small(base(), large)
    waiting = base(status=WorkStatus.WAITING, source=Source.HUB)
    assert not presets.is_small(waiting, None), "one that is loading may be of any size"
    assert presets.is_small(waiting.model_copy(update={"source": Source.STARTER}), None)
