"""One step of training without numbers: the bytes it holds at most, phase by phase."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, TrainerCallback

from worker.training import precision
from worker.training.adapters.ranks import Allocation
from worker.training.dry_run import shapes, trainers
from worker.training.dry_run.material import Case
from worker.training.dry_run.tracking import Tracker, converted_in_place
from worker.training.fast import answer_loss
from worker.training.fast.answer_loss import Head


@dataclass(frozen=True)
class Found:
    """What a trial found, in bytes.

    Attributes:
        peaks: the most that was held, by phase.
        weights: of the base model while steps are taken.
        learned: of what learns: the adapter; 0 where the model itself learns.
        gradients: of what learns.
        memories: the optimizer's.
    """

    peaks: dict[str, int]
    weights: int
    learned: int
    gradients: int
    memories: int


def run(case: Case, config: Any) -> Found:
    """Return what one step takes of a model of that configuration.

    Raises:
        StudioError: the settings do not fit the model.
    """
    formats = precision.of(case.spec, case.folder)
    kind = trainers.kind_of_model(case.spec.method)
    model = shapes.blank(config, case.spec, formats, kind)
    tracker = Tracker()
    with tempfile.TemporaryDirectory() as folder, converted_in_place(), _two_pieces(), tracker:
        tracker.begin("loading")
        shapes.fill(model, tracker)
        _mark_layers(model, tracker)
        ready = trainers.make(case, model, formats, Path(folder))
        if case.spec.adapter == "adalora":
            ready.trainer.allocation = Allocation(ready.trainer.model, Path(folder))
            ready.trainer.add_callback(ready.trainer.allocation)
        tracker.begin("asking")
        ready.before()
        counts = _Counts(tracker, accumulates=case.spec.accumulation > 1)
        ready.trainer.remove_callback(PrinterCallback)
        ready.trainer.add_callback(counts)
        tracker.begin("casting")
        with ready.steps():
            ready.trainer.train()
    return Found(dict(tracker.peaks), **counts.found)


@contextmanager
def _two_pieces() -> Iterator[None]:
    """Let only two pieces of the scores be turned: a third takes no more than the second did."""
    usual = answer_loss.into_gradients

    def turn(logits: torch.Tensor, targets: torch.Tensor, head: Head) -> torch.Tensor:
        few = 2 * answer_loss.positions_of_a_piece(logits)
        return usual(logits[:few], targets[:few], head)

    answer_loss.into_gradients = turn
    try:
        yield
    finally:
        answer_loss.into_gradients = usual


class _Counts(TrainerCallback):
    """Makes the step one in the middle of a run, and counts what is held before it."""

    def __init__(self, tracker: Tracker, *, accumulates: bool) -> None:
        self._tracker, self._accumulates = tracker, accumulates
        self.found: dict[str, int] = {}

    def on_train_begin(self, _args: Any, _state: Any, _control: Any, **given: Any) -> None:
        """Let the optimizer make its memories, which only the first step of a run does without."""
        optimizer, tracker = given["optimizer"], self._tracker
        learns = _learns(optimizer)
        held = tracker.held
        tracker.begin("first correction")
        for one in learns:
            one.grad = torch.zeros_like(one)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        bytes_learned = sum(one.numel() * one.element_size() for one in learns)
        is_apart = any(not one.requires_grad for one in given["model"].parameters())
        self.found = {
            "weights": held - (bytes_learned if is_apart else 0),
            "learned": bytes_learned if is_apart else 0,
            "gradients": bytes_learned,
            "memories": tracker.held - held,
        }

    def on_step_begin(self, _args: Any, _state: Any, _control: Any, **given: Any) -> None:
        """Begin with the gradients of earlier batches where several stand behind a correction."""
        self._tracker.begin("forward")
        if self._accumulates:
            for one in _learns(given["optimizer"]):
                one.grad = torch.zeros_like(one)

    def on_pre_optimizer_step(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
        """Tell the correction from the way back."""
        self._tracker.begin("correction")

    def on_step_end(self, _args: Any, _state: Any, control: Any, **_: Any) -> None:
        """Leave it at one step."""
        control.should_training_stop = True


def _learns(optimizer: Any) -> list[torch.Tensor]:
    return [one for group in optimizer.param_groups for one in group["params"]]


def _mark_layers(model: Any, tracker: Tracker) -> None:
    """Tell each reading of a batch apart, and of its way back the last layer, others, the first."""
    count = model.config.get_text_config().num_hidden_layers
    found = next(
        (one for one in model.modules() if _is_stack(one) and len(one) == count),
        torch.nn.Identity(),
    )
    marks = _Marks(tracker)
    model.get_input_embeddings().register_forward_pre_hook(marks.begin)
    for number, layer in enumerate(found.children()):
        place = "last" if number == count - 1 else "middle" if number else "first"
        layer.register_forward_hook(partial(marks.mark, place))


def _is_stack(module: Any) -> bool:
    return isinstance(module, torch.nn.ModuleList)


class _Marks:
    """Phases of the readings of a batch: those of the trials of the fast way, and of the step."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker, self._readings = tracker, 0

    def begin(self, _embedding: Any, _inputs: Any) -> None:
        """Begin another reading."""
        self._readings += 1
        self._tracker.begin(f"reading {self._readings}: forward")

    def mark(self, place: str, _layer: Any, _inputs: Any, out: Any) -> None:
        """Begin a layer's phase when the way back comes to what it gives."""
        tensor = out[0] if isinstance(out, tuple) else out
        if isinstance(tensor, torch.Tensor) and tensor.requires_grad:
            phase = f"reading {self._readings}: back, {place} layer"
            tensor.register_hook(lambda _gradient: self._tracker.begin(phase))
