"""Room on disk: a run that will not find it for what it saves does not begin."""

from typing import Any

from storage import checkpoints, volumes
from worker.training.job import Job

_MOMENTS = {"adamw_bnb_8bit": 3, "paged_adamw_8bit": 3, "lion_8bit": 2, "adafactor": 1}
"""Bytes of each learned number's moments, roundly; of small tensors 8 bits are four bytes."""

_FOUR_BYTES_TWICE = 8

_STATE = 200_000
"""Bytes of a checkpoint's other files: the random state, the course, the configuration."""

_BESIDE = 2
"""A checkpoint is written before an older one goes; what the run leaves is another copy."""

_MARGIN = 1.1


def require(job: Job, model: Any) -> None:
    """Raise DiskFull where the checkpoints of a run would not fit beside what is there.

    Asked for is room for as many as are kept and two more, and a tenth of that; those that an
    earlier attempt has left are there already.
    """
    there = checkpoints.newest_first(job.run_folder)
    size = max([expected(job, model), *(one.bytes for one in there)])
    missing = job.spec.keep_checkpoints + _BESIDE - min(len(there), job.spec.keep_checkpoints)
    needed = round(missing * size * _MARGIN)
    if volumes.free(job.run_folder) < needed:
        raise volumes.full(job.run_folder, needed)


def expected(job: Job, model: Any) -> int:
    """Return about how many bytes a checkpoint takes: what learns, and the optimizer's moments."""
    moments = _MOMENTS.get(job.spec.optimizer, _FOUR_BYTES_TWICE)
    learned = (each for each in model.parameters() if each.requires_grad)
    return _STATE + sum(each.numel() * (each.element_size() + moments) for each in learned)
