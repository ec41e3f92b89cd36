"""What all recipes for judged answers do besides: they go on exactly, and can be stopped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage import artifacts, runs
from storage.ids import LOCAL_PERSON
from storage.specs import RunSpec
from storage.status import RunStatus, StopRequest
from tests.fakes.judged_rows import pairs
from tests.fakes.training_home import TrainingHome
from worker.training import preference
from worker.training.arguments import Plan
from worker.training.course import Course

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
            runs.put_back(home.database, run.id, home.run(run.id).attempt, "crashed")
            assert home.checkpoints(run.id)[0].step == 2
        home.train()
        weights = home.adapter_folder(run.id) / "adapter_model.safetensors"
        curves = [home.curve(run.id, name) for name in ("loss", "eval_loss", "reward_margin")]
        ends.append((artifacts.sha256(weights), curves))
    assert ends[0] == ends[1]


def failing_at(step: int) -> Callable[..., None]:
    """Return a moment in a run's course that crashes as soon as so many steps are done."""

    def on_step_begin(_self: Course, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        if state.global_step == step:
            raise Crash

    return on_step_begin


def queued(home: TrainingHome, model: Path, method: str) -> runs.Run:
    rows = [row | ({"split": "test"} if n < 2 else {}) for n, row in enumerate(pairs(6))]
    return home.queue(home.dataset(rows), home.base_model(model), method=method, **SETTINGS)


def test_it_can_be_stopped_while_the_base_model_is_asked(
    home: TrainingHome, llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued(home, llama, "dpo")
    run = home.claim()
    tell = preference.tell

    def stopping(*args: Any) -> None:
        runs.request_stop(home.database, LOCAL_PERSON, run.id, StopRequest.DISCARD)
        monkeypatch.setattr(preference, "tell", tell)
        args[0].flush()
        tell(*args)

    monkeypatch.setattr(preference, "tell", stopping)
    assert home.train_claimed(run).status is RunStatus.DISCARDED
    assert home.points(run.id) == []


def test_the_reference_is_asked_first_where_that_is_cheaper_or_the_only_way() -> None:
    def asks(examples: int, **changes: Any) -> bool:
        spec = RunSpec(dataset_id="d", base_model_id="m", batch_size=2, accumulation=3, **changes)
        planned = Plan(total_steps=10, warmup_steps=0, eval_every=None, save_every=None)
        return preference.asks_first(spec, planned, examples)

    assert asks(60)
    assert not asks(61), "it is never asked about some of them"
    assert asks(61, adapter="full")
