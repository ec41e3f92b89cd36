"""The reference that preferences are compared with: the model before it has learned anything here.

It is the model with its adapter switched off, or, where the whole model learns or the adapter goes
on from another run's, the model before its first step. What it says of every example is asked
beforehand and kept beside the run, so that a run that goes on compares with exactly the same
numbers.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import PeftModel
from safetensors.torch import load_file, save_file
from torch import Tensor

from storage import artifacts
from storage.specs import RunSpec
from worker.training.arguments import Plan
from worker.training.checkpoints import library_versions
from worker.training.distributed import together
from worker.training.job import Job
from worker.training.preference import JudgedTrainer
from worker.training.reporting import Reporter
from worker.training.stops import Stops

WHEN_ASKED = {True: "asked before the first step", False: "asked in each step"}
"""How the run's page tells when the reference is asked."""

WHERE_IT_BEGAN = "what it goes on from, asked before the first step"
"""The same of a run that goes on from another one's adapter."""

Tell = Callable[[int, int], None]
"""Is given how many examples are done, and how many there are; may raise."""

_FOLDER, _SAID = "reference", "said.safetensors"
_AT_ONCE = 8
"""Examples the reference is asked about in one go; without gradients they take little memory."""


class ReferredTrainer(JudgedTrainer):
    """A trainer that compares with a reference.

    Attributes:
        reference_columns: what TRL calls the reference's two log-probabilities of an example.
        refers_to_start: whether the reference is the model with the adapter that it goes on from,
            as it is before the first step; else its adapter is switched off.
    """

    reference_columns: tuple[str, str]
    refers_to_start = False
    train_dataset: Dataset
    eval_dataset: Dataset | None
    precompute_ref_logps: bool

    @property
    def sides(self) -> dict[str, Dataset]:
        """The examples to learn from, and those of the exam where there is one."""
        exam = {} if self.eval_dataset is None else {"eval_dataset": self.eval_dataset}
        return {"train_dataset": self.train_dataset, **exam}

    def asked(self, tell: Tell) -> dict[str, Tensor]:
        """Return what the reference says of the examples of each side: (2, examples) each."""
        total, done = sum(map(len, self.sides.values())), 0
        found = {}
        for name, examples in self.sides.items():
            found[name] = self._asked(examples, partial(_tell_more, tell, done, total))
            done += len(examples)
        return found

    def learn_said(self, said: dict[str, Tensor]) -> None:
        """Take over what `asked` has returned; nothing is asked in a step from then on."""
        for side, examples in self.sides.items():
            for name, values in zip(self.reference_columns, said[side], strict=True):
                examples = examples.add_column(name, values.numpy())
            setattr(self, side, examples)
        self.precompute_ref_logps = True

    def _asked(self, examples: Dataset, tell: Callable[[int], None]) -> Tensor:
        lengths = examples["length"]
        order = sorted(range(len(examples)), key=lambda number: -lengths[number])
        found = torch.zeros(2, len(examples))
        mine = slice(together.number() * _AT_ONCE, None, together.count() * _AT_ONCE)
        with _evaluating(self.model), _with_adapter(self.model, kept=self.refers_to_start):
            for start in range(len(order))[mine]:
                tell(start)
                numbers = order[start : start + _AT_ONCE]
                found[:, numbers] = self._said([examples[number] for number in numbers])
        return together.summed(found)

    def _said(self, examples: list[dict[str, Any]]) -> Tensor:
        inputs = self._prepare_inputs(self.data_collator(examples))  # type: ignore[attr-defined]
        both = self.compute_ref_log_probs(self.model, inputs)  # type: ignore[attr-defined]
        return torch.stack(both).float().cpu()

    def _precompute_ref_logps(self, dataset: Dataset, *_: Any) -> Dataset:
        """Leave it to `ask`, which can be stopped and keeps what was said."""
        return dataset


def asks_first(spec: RunSpec, planned: Plan, examples: int) -> bool:
    """Tell whether the reference is asked about everything before the first step.

    Where each example is read at least once this costs no more than asking in each step, and less
    with each further reading and exam. Where the whole model learns, or an adapter goes on, there
    is no other way.
    """
    readings = planned.total_steps * spec.effective_batch / examples
    return spec.adapter == "full" or spec.start_from is not None or readings >= 1


def words(spec: RunSpec, asked_first: bool) -> str:
    """Return what the reference is and when it is asked, for the run's page."""
    return WHEN_ASKED[asked_first] if spec.start_from is None else WHERE_IT_BEGAN


def ask(job: Job, trainer: ReferredTrainer, reporter: Reporter, stops: Stops) -> None:
    """Let a complete trainer know what the reference says; a run that goes on reads what was kept.

    Raises:
        Interrupted: somebody asked to stop.
    """
    trainer.refers_to_start = job.spec.start_from is not None
    folder = job.run_folder / _FOLDER
    about = {**job.identity, "libraries": library_versions()}
    if not together.told(partial(_is_kept, job, folder)):
        if together.is_first():
            artifacts.remove(folder)
        said = trainer.asked(partial(tell, reporter, stops))
        if together.is_first():
            with artifacts.staged(folder, about) as staging:
                save_file(said, staging / _SAID)
        together.wait()
    trainer.learn_said(load_file(folder / _SAID))


def tell(reporter: Reporter, stops: Stops, done: int, total: int) -> None:
    """Tell how far the asking is, unless somebody asked to stop. Raises Interrupted."""
    stops.check()
    reporter.report([], stage=f"asking the base model: {done} of {total}")


def _tell_more(tell: Tell, before: int, total: int, more: int) -> None:
    tell(before + more, total)


def _is_kept(job: Job, folder: Path) -> bool:
    try:
        about = artifacts.verify(folder)["about"]
    except artifacts.Damaged:
        return False
    return job.difference(about) is None and about.get("libraries") == library_versions()


@contextmanager
def _with_adapter(model: Any, *, kept: bool) -> Iterator[None]:
    """Let TRL, which switches the adapter off to ask the reference, keep it on where asked."""
    if not kept or not isinstance(model, PeftModel):
        yield
        return
    model.disable_adapter = nullcontext
    try:
        yield
    finally:
        del model.disable_adapter


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
