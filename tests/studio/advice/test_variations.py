"""What is proposed around the settings of a run."""

import pytest

from storage import spaces, specs
from storage.spaces import VARIED
from storage.specs import RunSpec
from studio.advice import variations

SPEC = RunSpec(dataset_id="data", base_model_id="model", rank=8, alpha=16)


def proposed(**changes: object) -> dict[str, object]:
    """Return what is proposed for settings."""
    return dict(variations.proposed(SPEC.model_copy(update=changes)))


def test_every_proposal_can_be_read_and_holds_or_surrounds_what_is_set() -> None:
    for name, given in variations.proposed(SPEC).items():
        space = spaces.parse({name: given})
        assert spaces.holds(space, spaces.values_of(space, SPEC)), name
        for value in space[name].ends():
            spaces.applied(SPEC, {name: value})


def test_the_speed_goes_by_factors_and_stays_below_its_limit() -> None:
    assert proposed(learning_rate=1e-3)["learning_rate"] == {"low": 2e-4, "high": 5e-3, "log": True}
    assert proposed(learning_rate=0.5)["learning_rate"] == {"low": 0.1, "high": 1.0, "log": True}


@pytest.mark.parametrize(("rank", "choices"), [(1, [1, 2]), (8, [4, 8, 16]), (1024, [512, 1024])])
def test_room_is_halved_and_doubled_within_its_limits(rank: int, choices: list[int]) -> None:
    assert proposed(rank=rank)["rank"] == {"choices": choices}


def test_readings_are_whole_where_there_are_some() -> None:
    assert proposed(epochs=3.0)["epochs"] == {"low": 2.0, "high": 6.0, "step": 1.0}
    assert proposed(epochs=1.0)["epochs"] == {"low": 0.5, "high": 2.0}


def test_only_what_has_an_effect_is_proposed() -> None:
    assert "neftune_alpha" not in proposed(method="pretrain")
    assert not {"rank", "alpha", "dropout", "beginning"} & set(proposed(adapter="full"))
    assert "epochs" not in proposed(max_steps=10)


def test_all_that_can_be_varied_has_a_proposal_and_the_first_two_come_first() -> None:
    assert tuple(variations.proposed(SPEC)) == VARIED
    assert tuple(variations.proposed(SPEC))[:2] == variations.FIRST
    assert set(VARIED) <= set(specs.RunSpec.model_fields)
