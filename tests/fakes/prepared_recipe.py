"""A recipe's trainer, complete and not begun, with an adapter that already says something."""

import warnings
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from tests.fakes.training_home import TrainingHome
from worker.training import adapting
from worker.training.job import opened
from worker.training.recipe import Ready
from worker.training.reporting import Reporter
from worker.training.stops import Stops


@dataclass(frozen=True)
class Prepared:
    """What a recipe's `prepare` gave."""

    ready: Ready

    @property
    def trainer(self) -> Any:
        """TRL's."""
        return self.ready.trainer

    def batch(self) -> dict[str, Tensor]:
        """Return the first batch of the training."""
        return dict(next(iter(self.trainer.get_train_dataloader())))

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Return the trainer's loss of a batch, computed as in a step."""
        self.trainer.model.train()
        with self.ready.steps(), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            found: Tensor = self.trainer.compute_loss(self.trainer.model, dict(batch))
        return found

    def examine(self) -> dict[str, float]:
        """Return what an exam finds."""
        with self.ready.steps(), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            found: dict[str, float] = self.trainer.evaluate()
        return found

    def gradients(self, loss: Tensor) -> dict[str, Tensor]:
        """Return the gradients of a loss, by the names of what learns."""
        learned = {name: p for name, p in self.trainer.model.named_parameters() if p.requires_grad}
        found = torch.autograd.grad(loss, list(learned.values()))
        return dict(zip(learned, found, strict=True))


def prepare(home: TrainingHome, recipe: ModuleType) -> Prepared:
    """Claim the next run and prepare it; the adapter is given small random numbers."""
    run = home.claim()
    job = opened(home.settings, run.id, run.attempt)
    reporter = Reporter(home.settings.database, run.id, run.attempt)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # the libraries' about each other
            ready = recipe.prepare(job, reporter, Stops(lambda: None))
            adapting.begin(job, ready.trainer)
    finally:
        reporter.close()
        job.database.close()
    torch.manual_seed(7)
    for parameter in ready.trainer.model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1 * torch.randn_like(parameter)
    return Prepared(ready)
