"""Who trains the shared job in processes of their own: another studio, and a plain TRL script."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml
from datasets import load_from_disk

from storage.settings import Settings
from tests.benchmarks import shared_job
from tests.benchmarks.meter import Meter
from tests.benchmarks.shared_job import SharedJob

PROJECT = Path(__file__).parents[2]

_LOSS = re.compile(r"""['"]loss['"]: '?([0-9.eE+-]+)""")
_LAST = 5
"""The final loss is the mean of so many steps."""


class DidNotFinish(Exception):
    """A contender ended without an adapter; the text is the end of what it said."""


@dataclass(frozen=True)
class Finding:
    """What one run of the whole job took; times in seconds, memory in bytes.

    Attributes:
        wall: from the command to the saved adapter.
        processor: processor time of all its processes.
        first_loss: from the command to the first loss that anybody can see.
        largest: memory of its largest process.
        together: memory of all its processes at once.
        losses: of each step.
        adapter: the folder that it saved.
        counted: the tokens it read and those it learned, by its own account.
        path: which way its steps took, where it tells.
    """

    wall: float
    processor: float
    first_loss: float
    largest: int
    together: int
    losses: list[float]
    adapter: Path
    counted: tuple[int, int]
    path: str = ""

    @property
    def final_loss(self) -> float:
        """Mean loss of the last steps."""
        last = self.losses[-_LAST:]
        return sum(last) / len(last)


class Contender(Protocol):
    """Somebody who trains the shared job."""

    name: str

    def train(self, job: SharedJob, folder: Path) -> Finding:
        """Do the whole job, all that is written below a new folder. Raises DidNotFinish."""


@dataclass(frozen=True)
class Cores:
    """The cores that every contender is kept on, with a thread on each.

    The number is also told by OMP_NUM_THREADS.
    """

    numbers: tuple[int, ...]

    def threads(self) -> dict[str, str]:
        """Return the variable that tells the libraries the number of threads."""
        return {"OMP_NUM_THREADS": str(len(self.numbers))}

    @contextmanager
    def kept(self) -> Iterator[None]:
        """What is started in this block stays on these cores."""
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, self.numbers)
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)


@dataclass(frozen=True)
class PlainTrl:
    """A script with TRL's trainer, in a fresh process; see `plain_trl`."""

    cores: Cores
    name: str = "TRL, its defaults"

    def train(self, job: SharedJob, folder: Path) -> Finding:
        """Run the script."""
        arguments = [str(job.folder), str(folder), str(job.epochs)]
        command = [sys.executable, "-u", "-m", "tests.benchmarks.plain_trl", *arguments]
        variables = {"HF_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "1"}
        ran = _run(command, variables, self.cores)
        told = json.loads(ran.lines[-1])
        return ran.finding(folder, (told["tokens"], told["learned"]))


@dataclass(frozen=True)
class LlamaFactory:
    """LLaMA-Factory's command line in an environment of its own.

    Args:
        command: its `llamafactory-cli`.
        cores: see `Cores`.
        name: of these settings.
        settings: besides those of the job.
    """

    command: Path
    cores: Cores
    name: str = "LLaMA-Factory, plain"
    settings: dict[str, Any] = field(default_factory=dict)

    def train(self, job: SharedJob, folder: Path) -> Finding:
        """Run its `train`."""
        folder.mkdir()
        file = folder / "job.yaml"
        file.write_text(yaml.safe_dump(self._job(job, folder)), encoding="utf-8")
        variables = {
            "HF_HOME": str(folder / "cache"),
            "HF_HUB_OFFLINE": "1",
            "DISABLE_VERSION_CHECK": "1",
            "PYTHONUNBUFFERED": "1",
        }
        command = [str(self.command), "train", str(file)]
        ran = _run(command, variables, self.cores)
        return ran.finding(folder / "adapter", _counted(folder / "tokens"))

    def _job(self, job: SharedJob, folder: Path) -> dict[str, Any]:
        """The job in its words. It also writes down the tokens that it learns: milliseconds."""
        columns = {"columns": {"messages": "messages"}, "formatting": "sharegpt"}
        tags = {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
        }
        known = {"job": {"file_name": str(job.rows), **columns, "tags": tags}}
        (folder / "dataset_info.json").write_text(json.dumps(known), encoding="utf-8")
        return {
            "stage": "sft",
            "do_train": True,
            "model_name_or_path": str(job.model),
            "dataset": "job",
            "dataset_dir": str(folder),
            "tokenized_path": str(folder / "tokens"),
            "output_dir": str(folder / "adapter"),
            "template": "chatml",
            "cutoff_len": shared_job.LENGTH,
            "finetuning_type": "lora",
            "lora_rank": shared_job.RANK,
            "lora_alpha": shared_job.ALPHA,
            "lora_target": "all",
            "learning_rate": shared_job.LEARNING_RATE,
            "lr_scheduler_type": shared_job.SCHEDULER,
            "num_train_epochs": job.epochs,
            "per_device_train_batch_size": shared_job.BATCH,
            "seed": shared_job.SEED,
            "use_cpu": True,
            "disable_gradient_checkpointing": True,
            "logging_steps": 1,
            "save_strategy": "no",
            "report_to": "none",
            **self.settings,
        }


BEST = {"packing": True, "neat_packing": True, "bf16": True, "per_device_train_batch_size": 1}
"""LLaMA-Factory's fastest settings for this job on a CPU."""


@dataclass
class _Ran:
    """A process that has ended well: what it said and took."""

    lines: list[str] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    first_loss: float = 0.0
    wall: float = 0.0
    processor: float = 0.0
    largest: int = 0
    together: int = 0

    def hear(self, line: str, seconds: float) -> None:
        """Take in a line that was said after so many seconds."""
        self.lines.append(line)
        told = _LOSS.search(line)
        if told:
            self.first_loss = self.first_loss or seconds
            self.losses.append(float(told[1]))

    def finding(self, adapter: Path, counted: tuple[int, int]) -> Finding:
        """Return what was found."""
        if not (adapter / "adapter_model.safetensors").is_file():
            raise DidNotFinish("".join(self.lines[-30:]))
        memory = (self.largest, max(self.largest, self.together))
        times = (self.wall, self.processor, self.first_loss)
        return Finding(*times, *memory, self.losses, adapter, counted)


def _run(command: list[str], variables: dict[str, str], cores: Cores) -> _Ran:
    environment = {**Settings().environment(), **variables, **cores.threads()}
    began = time.monotonic()
    with cores.kept():
        process = subprocess.Popen(
            command, cwd=PROJECT, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    ran = _Ran()
    assert process.stdout is not None
    with Meter(process.pid) as meter:
        for line in process.stdout:
            ran.hear(line, time.monotonic() - began)
        _, status, used = os.wait4(process.pid, 0)
    ran.wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise DidNotFinish("".join(ran.lines[-30:]))
    ran.processor = used.ru_utime + used.ru_stime
    ran.largest, ran.together = max(meter.largest, used.ru_maxrss * 1024), meter.together
    return ran


def _counted(folder: Path) -> tuple[int, int]:
    """Count a tokenized dataset's tokens, without padding, and its labels."""
    rows = load_from_disk(str(folder))["train"]
    tokens = sum(sum(value != 0 for value in row) for row in rows["attention_mask"])
    learned = sum(sum(label != -100 for label in row) for row in rows["labels"])
    return tokens, learned
