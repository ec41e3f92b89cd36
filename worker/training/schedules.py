"""The learning rate of a run that goes on: its place on the course as it is planned now."""

from typing import Any

from torch.optim.lr_scheduler import LambdaLR


def settle(scheduler: Any) -> None:
    """Set the learning rates to what the schedule says for the step that a run goes on from.

    A checkpoint brings the rate of the course as it was planned then; where that was made longer,
    the next step would still be taken at its old end, which is mostly 0. Where it was not, the
    same value is set again.
    """
    if not isinstance(scheduler, LambdaLR):
        return
    rates = [
        base * scale(scheduler.last_epoch)
        for base, scale in zip(scheduler.base_lrs, scheduler.lr_lambdas, strict=True)
    ]
    for group, rate in zip(scheduler.optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
    scheduler._last_lr = rates  # where the trainer reads what it logs
