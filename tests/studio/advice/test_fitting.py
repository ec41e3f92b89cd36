"""What does not fit is answered with the one change that costs least and makes it fit."""

from typing import Any

import pytest

from storage import specs
from storage.model_facts import ModelFacts
from storage.specs import RunSpec
from studio.advice import fitting, peak_memory
from studio.advice.fitting import Change, Fit
from studio.advice.known import Known
from studio.advice.machine import Machine
from tests.studio.advice.conftest import base, dataset

ROOMY = Machine(2, 64_000_000_000)


@pytest.fixture
def known(facts: ModelFacts) -> Known:
    """Return a model of 50 million parameters, and texts as long as it reads at once."""
    sizes = {"parameters": 50_000_000, "hidden_size": 512, "intermediate_size": 1536, "layers": 10}
    return Known(dataset(mean=9_000.0, longest=9_000), base(), facts.model_copy(update=sizes))


def spec(**changes: Any) -> RunSpec:
    """Return settings of a run that reads 16 texts of 128 tokens at once."""
    given = {"dataset_id": "d", "base_model_id": "m", "max_length": 128, "batch_size": 16}
    return RunSpec(**{**given, "packing": False, **changes})


def needed(settings: RunSpec, known: Known) -> int:
    """Return what a run takes."""
    found = peak_memory.of(settings, known, ROOMY)
    assert found is not None
    return found


def change(settings: RunSpec, known: Known, room: int, times: float = 1.0) -> Change | None:
    """Return what makes a run fit into so many bytes."""
    return fitting.change(settings, known, Machine(2, room), times)


def test_it_fits_is_tight_or_is_too_big() -> None:
    assert fitting.fit(50, 100) is Fit.FITS
    assert fitting.fit(90, 100) is Fit.TIGHT
    assert fitting.fit(100, 100) is Fit.TIGHT
    assert fitting.fit(101, 100) is Fit.TOO_BIG


def test_reading_fewer_at_once_comes_first_and_changes_nothing_of_a_step(known: Known) -> None:
    settings = spec()
    found = change(settings, known, needed(settings, known) - 1)
    assert found is not None
    changed = specs.parse({**settings.model_dump(), **found.values})
    assert changed.effective_batch == settings.effective_batch
    assert found.values.keys() == {"batch_size", "accumulation"}


def test_no_more_is_changed_than_needed(known: Known) -> None:
    settings = spec()
    room = needed(spec(batch_size=8, accumulation=settings.accumulation * 2), known)
    found = change(settings, known, room)
    assert found is not None
    assert found.values["batch_size"] == 8


def test_where_only_one_is_read_at_once_something_else_is_changed(known: Known) -> None:
    settings = spec(batch_size=1, adapter="full")
    found = change(settings, known, needed(settings, known) - 300_000_000)
    assert found is not None
    assert "batch_size" not in found.values


@pytest.mark.parametrize("share", [0.7, 0.85, 0.999])
@pytest.mark.parametrize("adapter", ["lora", "full"])
def test_whatever_is_proposed_fits_and_can_start(known: Known, share: float, adapter: str) -> None:
    settings = spec(adapter=adapter, batch_size=4)
    room = peak_memory.PROCESS_BYTES + round(
        share * (needed(settings, known) - peak_memory.PROCESS_BYTES)
    )
    found = change(settings, known, room)
    assert found is not None
    assert needed(specs.parse({**settings.model_dump(), **found.values}), known) <= room
    assert found.memory_bytes <= room
    assert found.words.endswith(".")


def test_what_a_trial_step_found_beyond_the_estimate_is_reckoned_with(known: Known) -> None:
    settings = spec()
    room = needed(spec(batch_size=8, accumulation=2), known)
    usual, wary = change(settings, known, room), change(settings, known, room, times=1.3)
    assert usual is not None
    assert wary is not None
    assert wary.values != usual.values
    assert wary.memory_bytes <= room


def test_where_nothing_helps_nothing_is_proposed(known: Known) -> None:
    assert change(spec(), known, 1_000_000) is None


def test_longer_than_any_example_is_never_needed(known: Known, facts: ModelFacts) -> None:
    short = Known(dataset(mean=40.0, longest=100), base(), known.facts)
    settings = spec(max_length=4096, packing=True, batch_size=1)
    found = change(settings, short, needed(settings, short) - 1)
    assert found is not None
    assert found.values.keys() == {"max_length"}
    assert "no example is cut" in found.words
