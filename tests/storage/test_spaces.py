"""What a sweep varies: what can be, what cannot, and every mistake named at once."""

import json
import math
from typing import Any

import pytest

from storage import spaces
from storage.errors import Refused
from storage.spaces import Choices, Range
from storage.specs import RunSpec

SPEC = RunSpec(dataset_id="data", base_model_id="model", rank=8, alpha=16)


def refused(values: object) -> dict[str, str]:
    """Return what is said against a space, by field."""
    with pytest.raises(Refused) as error:
        spaces.parse(values)
    return {fault.field: fault.message for fault in error.value.faults}


def test_ranges_and_choices_are_read_and_stay_the_same_when_stored() -> None:
    given = {
        "learning_rate": {"low": 1e-5, "high": 1e-3, "log": True},
        "rank": {"choices": [4, 8]},
        "epochs": {"low": 1, "high": 3, "step": 0.5},
        "batch_size": {"low": 1, "high": 8, "log": True},
    }
    space = spaces.parse(given)
    assert space["learning_rate"] == Range(1e-5, 1e-3, log=True)
    assert space["rank"] == Choices((4, 8))
    assert space["epochs"] == Range(1.0, 3.0, step=0.5)
    assert spaces.parse(json.loads(json.dumps(spaces.plain(space)))) == space


@pytest.mark.parametrize("values", [None, [], {}, {str(n): {} for n in range(5)}])
def test_one_to_four_settings_are_varied(values: object) -> None:
    assert refused(values) == {"space": "Choose one to 4 settings to vary."}


def test_every_mistake_is_named_at_once_by_its_setting() -> None:
    found = refused(
        {
            "beta": {"low": 0.1, "high": 0.5},
            "learning_rate": {"low": 0, "high": 1e-3, "log": True},
            "rank": {"low": 8, "high": 4},
            "scheduler": {"low": 1, "high": 2},
        }
    )
    assert found == {
        "beta": "This setting cannot be varied.",
        "learning_rate": "Where factors count, the range begins above 0 and has no step.",
        "rank": "The range must go from a smaller number to a larger one.",
        "scheduler": "Give a list of choices.",
    }


@pytest.mark.parametrize(
    "given",
    [
        7, {"low": 1}, {"low": 1, "high": 2, "wide": 3}, {"low": 1, "high": math.nan},
        {"low": True, "high": 2}, {"low": 1.5, "high": 3}, {"low": 1, "high": 3, "step": 4},
        {"low": 1, "high": 3, "log": 1}, {"choices": [4]}, {"choices": [4, 4]},
        {"choices": [4, [8]]}, {"choices": list(range(1, 20))},
    ],
)  # fmt: skip
def test_what_makes_no_range_is_refused(given: object) -> None:
    assert list(refused({"rank": given})) == ["rank"]


def test_a_finite_space_is_counted_and_listed_and_a_fluid_one_is_not() -> None:
    finite = spaces.parse(
        {"dropout": {"low": 0.1, "high": 0.3, "step": 0.1}, "rank": {"low": 4, "high": 5}}
    )
    found = list(spaces.every(finite))
    assert spaces.count(finite) == len(found) == 6
    assert {values["dropout"] for values in found} == {0.1, 0.2, 0.3}
    assert all(spaces.holds(finite, values) for values in found)
    assert not spaces.holds(finite, {"dropout": 0.15, "rank": 4})
    fluid = spaces.parse({"dropout": {"low": 0.1, "high": 0.3}})
    assert spaces.count(fluid) == math.inf
    assert spaces.holds(fluid, {"dropout": 0.15})


def test_the_strength_keeps_its_ratio_to_the_room_unless_it_is_varied_too() -> None:
    assert spaces.applied(SPEC, {"rank": 32}).alpha == 64
    assert spaces.applied(SPEC, {"rank": 32, "alpha": 5}).alpha == 5


def faults(spec: RunSpec, **space: Any) -> dict[str, str]:
    """Return what is wrong with varying a spec, by field."""
    return {fault.field: fault.message for fault in spaces.faults(spec, spaces.parse(space))}


def test_each_end_of_each_range_must_be_a_setting_that_can_be() -> None:
    found = faults(
        SPEC,
        learning_rate={"low": 1e-4, "high": 3.0},
        rank={"choices": [8, 5000]},
        scheduler={"choices": ["linear", "wavy"]},
    )
    assert set(found) == {"learning_rate", "rank", "scheduler"}
    assert found["learning_rate"] == "3.0: Must be at most 1.0."
    assert not faults(SPEC, learning_rate={"low": 1e-4, "high": 1.0})


def test_values_that_do_not_go_together_are_found_at_the_corners() -> None:
    shrunk = SPEC.model_copy(update={"quantization": "nf4"})
    assert "beginning" in faults(shrunk, beginning={"choices": ["default", "pissa"]})
    odd = {"rank": {"choices": [8, 9]}, "beginning": {"choices": ["default", "orthogonal"]}}
    assert faults(SPEC, **odd) == {"rank": "An orthogonal beginning needs an even number."}


def test_a_sweep_needs_an_exam_and_settings_that_have_an_effect() -> None:
    assert "eval_share" in faults(
        SPEC.model_copy(update={"eval_share": 0.0}), rank={"choices": [4, 8]}
    )
    full = SPEC.model_copy(update={"adapter": "full"})
    assert faults(full, rank={"choices": [4, 8]})["rank"].startswith("This setting has no effect")
    fixed = SPEC.model_copy(update={"max_steps": 10})
    assert faults(fixed, epochs={"low": 1, "high": 2})["epochs"].startswith("The number of steps")
