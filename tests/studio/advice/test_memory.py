"""What is said of a run's memory: by the closed form, and by a trial step once there was one."""

from typing import Any

import pytest

from storage.model_facts import ModelFacts
from storage.specs import RunSpec
from studio.advice import memory, peak_memory
from studio.advice.fitting import Fit
from studio.advice.known import Known
from studio.advice.machine import Machine
from tests.studio.advice.conftest import base, dataset

HERE = Machine(2, 64_000_000_000)
TRIED = {
    "bytes": 900_000_000,
    "parts": {"weights": 400_000_000, "adapter": 1, "gradients": 1, "optimizer": 2,
              "working": 499_999_996},
}  # fmt: skip


def spec(**changes: Any) -> RunSpec:
    """Return settings that fit the tiny model, but for these changes."""
    given = {"dataset_id": "d", "base_model_id": "m", "max_length": 128, "rank": 8}
    return RunSpec(**{**given, **changes})


@pytest.fixture
def known(facts: ModelFacts) -> Known:
    """Return data and a model that are ready."""
    return Known(dataset(), base(), facts)


def test_the_parts_make_up_the_whole(known: Known) -> None:
    for tried in (None, TRIED):
        found = memory.judged(spec(), known, HERE, tried)
        assert found is not None
        assert sum(found.parts.values()) == found.total
        assert found.fit is Fit.FITS
        assert found.is_tried is (tried is not None)


def test_a_trial_step_is_believed_and_the_process_added(known: Known) -> None:
    found = memory.judged(spec(), known, HERE, TRIED)
    assert found is not None
    assert found.total == TRIED["bytes"] + peak_memory.PROCESS_BYTES


def test_a_trial_step_may_find_that_it_does_not_fit(known: Known) -> None:
    room = Machine(2, 1_000_000_000)
    estimated = memory.judged(spec(), known, room)
    tried = memory.judged(spec(), known, room, TRIED)
    assert estimated is not None
    assert tried is not None
    assert (estimated.fit, tried.fit) == (Fit.FITS, Fit.TOO_BIG)


def test_where_the_room_is_not_known_only_the_size_is_said(known: Known) -> None:
    found = memory.judged(spec(), known, Machine(2, 1, has_gpu=True))
    assert found is not None
    assert (found.room, found.fit, found.change) == (None, None, None)


def test_without_a_model_nothing_is_said() -> None:
    unready = Known(dataset(), base(), None)
    assert memory.judged(spec(), unready, HERE) is None
    assert memory.question(spec(), unready) is None


def test_the_worker_is_asked_only_what_decides_about_memory(known: Known) -> None:
    one, other = (
        memory.question(spec(name=name, learning_rate=rate), known)
        for name, rate in (("One", 1e-4), ("Other", 1e-3))
    )
    assert one == other, "a name and a learning rate take no memory: the same answer serves both"
    assert one != memory.question(spec(rank=4), known)
    assert memory.question(spec(method="distill", teacher_model_id="t"), known) is None


def test_bytes_are_said_as_people_say_them() -> None:
    assert memory.sized(2_340_000_000) == "2.3 GB"
    assert memory.sized(662_100_000) == "662 MB"
    assert memory.sized(10) == "1 MB"
