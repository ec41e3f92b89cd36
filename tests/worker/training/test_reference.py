"""The reference: asked once, beforehand, and kept; a person can stop it."""

from pathlib import Path
from typing import Any

import pytest

from storage import runs
from storage.ids import LOCAL_PERSON
from storage.specs import RunSpec
from storage.status import RunStatus, StopRequest
from tests.fakes.judged_rows import pairs
from tests.fakes.training_home import TrainingHome
from worker.training import reference
from worker.training.arguments import Plan
from worker.training.job import opened
from worker.training.reference import ReferredTrainer
from worker.training.reporting import Reporter
from worker.training.stops import Interrupted, Stops


def queued(home: TrainingHome, model: Path) -> runs.Run:
    data, base = home.dataset(pairs(3)), home.base_model(model)
    home.queue(data, base, method="dpo", eval_share=0.0, max_length=128)
    return home.claim()


def test_it_can_be_stopped_while_the_base_model_is_asked(
    home: TrainingHome, llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, tell = queued(home, llama), reference.tell

    def stopping(reporter: Reporter, *more: Any) -> None:
        runs.request_stop(home.database, LOCAL_PERSON, run.id, StopRequest.DISCARD)
        reporter.flush()
        tell(reporter, *more)

    monkeypatch.setattr(reference, "tell", stopping)
    assert home.train_claimed(run).status is RunStatus.DISCARDED
    assert home.points(run.id) == []


class Counting(ReferredTrainer):
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.times = 0

    def asked(self, _tell: Any) -> dict[str, Any]:
        self.times += 1
        raise Interrupted


def test_what_was_kept_of_other_data_or_is_damaged_is_asked_anew(
    home: TrainingHome, llama: Path
) -> None:
    run = queued(home, llama)
    home.train_claimed(run)
    folder = home.files.run(run.id) / "reference"
    (kept,) = folder.glob("*.safetensors")
    kept.write_bytes(kept.read_bytes()[:-1])
    job = opened(home.settings, run.id, run.attempt)
    reporter = Reporter(home.settings.database, run.id, run.attempt)
    trainer = Counting()
    with pytest.raises(Interrupted):
        reference.ask(job, trainer, reporter, Stops(lambda: None))
    reporter.close()
    job.database.close()
    assert trainer.times == 1
    assert not folder.exists()


def test_it_is_asked_first_where_that_is_cheaper_or_the_only_way() -> None:
    def asks(examples: int, **changes: Any) -> bool:
        spec = RunSpec(dataset_id="d", base_model_id="m", batch_size=2, accumulation=3, **changes)
        planned = Plan(total_steps=10, warmup_steps=0, eval_every=None, save_every=None)
        return reference.asks_first(spec, planned, examples)

    assert asks(60)
    assert not asks(61), "it is never asked about some of them"
    assert asks(61, adapter="full")
