"""Presets fill in settings that exist, and nothing that a model refuses."""

import math
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
from studio.advice.preset_case import Case
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
    for small in (True, False):
        quick, balanced, quality = (
            presets.settings(name, Case(None, 1000, small, mean=60.0)) for name in presets.NAMES
        )
        for less, more in ((quick, balanced), (balanced, quality)):
            assert less["epochs"] < more["epochs"]
            assert less["rank"] < more["rank"]


@pytest.mark.parametrize("name", presets.NAMES)
@pytest.mark.parametrize("method", sorted(FITTING))
@pytest.mark.parametrize("small", [True, False])
def test_every_value_has_a_sentence_why(name: str, method: str, small: bool) -> None:
    found = presets.reasons(name, Case(None, 400, small, method, mean=80.0, longest=300.0))
    assert {one.field: one.value for one in found} == presets.settings(
        name, Case(None, 400, small, method, mean=80.0, longest=300.0)
    )
    for one in found:
        assert one.words.endswith(".")
        assert one.words[0].isupper()


def test_a_small_model_reads_much_data_less_often_than_little() -> None:
    readings = [
        presets.settings("balanced", Case(None, rows, small=True, mean=250.0))["epochs"]
        for rows in (100, 900, 100_000)
    ]
    assert readings == sorted(readings, reverse=True)
    assert readings[0] > readings[1] > readings[2] == 1.0


def test_with_little_data_fewer_blocks_stand_behind_a_correction_of_a_large_model() -> None:
    def behind(rows: int) -> int:
        values = presets.settings("balanced", Case(None, rows, small=False, mean=200.0))
        return int(values["accumulation"])

    assert behind(60) == 1
    assert behind(5000) == 4


@given(
    rows=st.integers(20, 50_000), mean=st.floats(5, 800), small=st.booleans(),
    name=st.sampled_from(presets.NAMES), share=st.floats(0.01, 0.5),
)  # fmt: skip
def test_exams_are_some_and_never_more_than_ten(
    rows: int, mean: float, small: bool, name: str, share: float
) -> None:
    case = Case(None, rows, small, mean=mean, examined=share)
    values = presets.settings(name, case)
    blocks = math.ceil(rows * mean * (1 - share) / values["max_length"])
    a_reading = math.ceil(blocks / (values["batch_size"] * values["accumulation"]))
    steps = math.ceil(values["epochs"] * a_reading)
    if values["eval_every"] is not None:  # else the run holds ten by itself
        assert min(steps, 3) <= math.ceil(steps / values["eval_every"]) <= 10


def test_exams_that_cost_much_are_held_more_rarely() -> None:
    def exams(share: float) -> float:
        case = Case(None, 20_000, small=False, mean=300.0, examined=share)
        return (1 - share) / float(presets.settings("quick", case)["eval_every"])

    assert exams(0.5) < 0.6 * exams(0.1)
    few = Case(None, 100, small=False, mean=300.0)
    assert presets.settings("balanced", few)["eval_every"] is None, "the usual ten cost little"


def test_what_does_not_fit_the_memory_is_taken_in_smaller_pieces(facts: ModelFacts) -> None:
    large = facts.model_copy(update={"hidden_size": 4096, "context_length": None})

    def chosen(free: int) -> dict[str, Any]:
        def needs(values: dict[str, Any]) -> int:
            return int(values["batch_size"]) * int(values["max_length"]) * 1000

        case = Case(large, 5000, False, "dpo", longest=2000.0, free=free, needs=needs)
        return presets.settings("balanced", case)

    plenty, less, little, none = (chosen(free) for free in (10**9, 3 * 10**6, 10**6, 1000))
    assert (plenty["batch_size"], plenty["accumulation"], plenty["max_length"]) == (2, 8, 2048)
    assert (less["batch_size"], less["accumulation"], less["max_length"]) == (1, 16, 2048)
    assert little["max_length"] == 512
    assert none == plenty, "what never fits is left to the plan, which says so"


def test_a_small_model_gets_more_room_and_a_lower_rate_where_there_is_more_to_read() -> None:
    little, more = (
        presets.settings("balanced", Case(None, rows, small=True, mean=60.0))
        for rows in (240, 2400)
    )
    assert more["rank"] == 4 * little["rank"]
    assert more["learning_rate"] == little["learning_rate"] / 2


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
