"""What all recipes for judged answers do: they go on exactly where they were."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage import artifacts, attempts, runs
from tests.fakes.judged_rows import pairs
from tests.fakes.training_home import TrainingHome
from worker.training.course import Course
from worker.training.reference import ReferredTrainer

NewHome = Callable[[], TrainingHome]
SETTINGS = {"max_length": 128, "max_steps": 4, "eval_every": 2, "dropout": 0.2}


class Crash(Exception):
    """Something that nobody expected."""


@pytest.mark.parametrize("method", ["dpo", "kto", "orpo", "reward"])
def test_a_run_that_crashed_ends_bit_for_bit_like_one_left_alone(
    new_home: NewHome, llama: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = []
    for crashes in (False, True):
        home = new_home()
        run = queued(home, llama, method)
        if crashes:
            with monkeypatch.context() as patch:
                patch.setattr(Course, "on_step_begin", failing_at(3))
                with pytest.raises(Crash):
                    home.train()
            attempts.put_back(home.database, run.id, home.run(run.id).attempt, "crashed")
            assert home.checkpoints(run.id)[0].step == 2
            monkeypatch.setattr(ReferredTrainer, "asked", never)
        home.train()
        weights = home.adapter_folder(run.id) / "adapter_model.safetensors"
        curves = [home.curve(run.id, name) for name in ("loss", "eval_loss", "reward_margin")]
        ends.append((artifacts.sha256(weights), curves))
    assert ends[0] == ends[1]


def never(*_: Any) -> None:
    raise AssertionError("the reference was asked again")


def failing_at(step: int) -> Callable[..., None]:
    """Return a moment in a run's course that crashes as soon as so many steps are done."""

    def on_step_begin(_self: Course, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        if state.global_step == step:
            raise Crash

    return on_step_begin


def queued(home: TrainingHome, model: Path, method: str) -> runs.Run:
    rows = [row | ({"split": "test"} if n < 2 else {}) for n, row in enumerate(pairs(6))]
    return home.queue(home.dataset(rows), home.base_model(model), method=method, **SETTINGS)
