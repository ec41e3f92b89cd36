"""Presets fill in settings that exist, and nothing that a model refuses."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import specs
from storage.base_models import Source
from storage.combinations import data_fault
from storage.mappings import Target
from storage.model_facts import ModelFacts
from storage.specs import RunSpec
from storage.status import WorkStatus
from studio.advice import plan, presets
from studio.advice.known import Known
from studio.advice.machine import Machine
from studio.advice.presets import Case
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
    given_ = presets.settings(name, Case(None, 0, small))
    assert set(given_) <= set(RunSpec.model_fields) - set(specs.names_in("basics"))
    assert specs.parse({**PLACES, **given_}).preset == "balanced"


FITTING = {
    "sft": "chat", "pretrain": "text", "dpo": "preference", "kto": "labelled",
    "orpo": "preference", "reward": "preference",
}  # fmt: skip


SIZES = {
    "hidden_size": st.integers(8, 8192), "context_length": st.none() | st.integers(16, 200_000),
    "parameters": st.integers(1000, 10**11),
}  # fmt: skip


@given(
    name=st.sampled_from(presets.NAMES), rows=st.integers(2, 10**6),
    sizes=st.fixed_dictionaries(SIZES), method=st.sampled_from(sorted(FITTING)),
    adapter=st.sampled_from(get_args(specs.field("adapter").annotation)),
)  # fmt: skip
def test_a_preset_has_neither_a_fault_nor_an_idle_setting_against_any_model(
    facts: ModelFacts, name: str, rows: int, sizes: dict[str, Any], method: str, adapter: str
) -> None:
    known = facts.model_copy(update=sizes)
    case = Case(known, rows, presets.is_small(base(), known), method, adapter)
    spec = specs.parse({**PLACES, **presets.settings(name, case)})
    data = dataset(rows, target=FITTING[method])
    found = plan.plan(spec, Known(data, base(), known), Machine(2, 10**12))
    assert found.faults == []
    assert not [one for one in found.warnings if "does nothing here" in one.message]


@pytest.mark.parametrize("small", [True, False])
def test_preferences_move_a_model_less_and_fewer_numbers_learn_faster(small: bool) -> None:
    def rate(method: str, adapter: str = "lora") -> float:
        return presets.learning_rate(method, adapter, small=small)

    for method in ("dpo", "kto", "orpo"):
        assert rate("sft") / 40 <= rate(method) <= rate("sft") / 10 + 1e-9
    assert rate("sft", "full") == pytest.approx(rate("sft") / 10)
    assert rate("sft", "ia3") > rate("sft", "adalora") > rate("sft")


def test_the_maximum_grows_so_that_answers_are_not_cut_and_stays_within_the_model(
    facts: ModelFacts,
) -> None:
    def length(longest: float | None, context: int | None = None) -> int:
        known = facts.model_copy(update={"context_length": context})
        case = Case(known, 100, small=True, longest=longest)
        return int(presets.settings("balanced", case)["max_length"])

    assert (length(None), length(90.0), length(600.0)) == (512, 512, 640)
    assert length(50_000.0) == 1024, "twice the usual is the most that is taken unasked"
    assert length(600.0, 550) == 550


@pytest.mark.parametrize("target", [*Target, None])
def test_the_way_of_learning_that_suits_data_can_learn_from_it(target: Target | None) -> None:
    assert data_fault(presets.LEARNS_BY[target], target) == ""


def test_more_thorough_is_more_of_everything() -> None:
    quick, balanced, quality = (
        presets.settings(name, Case(None, 1000, small=True)) for name in presets.NAMES
    )
    for less, more in ((quick, balanced), (balanced, quality)):
        assert less["epochs"] < more["epochs"]
        assert less["rank"] < more["rank"]


def test_a_small_model_learns_with_larger_corrections() -> None:
    small, large = (presets.settings("quick", Case(None, 1000, one)) for one in (True, False))
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
