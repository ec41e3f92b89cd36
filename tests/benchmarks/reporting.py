"""What reporting and checkpoints cost: the studio's run against the same run by TRL alone.

`python -m tests.benchmarks.reporting [REPETITIONS]` prints the ratio of the training time, with and
without, interleaved in one process each; at most 1.02 is wanted. Both train the same model on the
same blocks in the same order, with the same head, and hold and save the same exams; TRL writes its
own checkpoints where the studio seals them. The evaluation and its saving are also left out once
(`bare`), to tell the price of a step's report alone.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from storage import settings

HOME = Path(tempfile.mkdtemp(prefix="reporting-benchmark-"))
settings.quiet_libraries(HOME, offline=True)  # read when libraries are imported

from transformers import LlamaConfig, PrinterCallback  # noqa: E402
from trl import SFTTrainer  # noqa: E402

from storage.runs import Run  # noqa: E402
from tests.fakes.tiny_models import save_model, save_tokenizer  # noqa: E402
from tests.fakes.training_home import TrainingHome, conversations  # noqa: E402
from worker.training import adapting, models, precision, recipe, sft  # noqa: E402
from worker.training.checkpoints import Start  # noqa: E402
from worker.training.job import Job, opened  # noqa: E402
from worker.training.journal import open_journal  # noqa: E402
from worker.training.recipe import Ready  # noqa: E402
from worker.training.reporting import Reporter  # noqa: E402
from worker.training.stops import Stops  # noqa: E402
from worker.training.trainer import answers_only_head  # noqa: E402

STEPS = 30
Timing = tuple[float, float]
"""Wall seconds and processor seconds."""


def base_model() -> Path:
    """Return the folder of a model of the starter model's size: 3 million parameters."""
    folder = HOME / "model"
    save_tokenizer(folder, 2048)
    shape = {"hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 4}
    save_model(folder, LlamaConfig(vocab_size=2048, num_attention_heads=4, **shape))
    return folder


def timed(work: Callable[[], object]) -> Timing:
    """Return how long it takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def studio(home: TrainingHome, run: Run) -> Timing:
    """Train the steps of a run as the studio does, reporting and sealing checkpoints."""
    job = opened(home.settings, run.id, run.attempt)
    reporter = Reporter(home.settings.database, run.id, run.attempt)
    stops = Stops(lambda: reporter.asked)
    ready = sft.prepare(job, reporter, stops)
    found = timed(lambda: recipe.run_steps(job, ready, Start(None), (reporter, stops)))
    reporter.close()
    return found


def plain(home: TrainingHome, run: Run) -> Timing:
    """Train the same steps by TRL's trainer alone, with its own exams and checkpoints."""
    job = opened(home.settings, run.id, run.attempt)
    reporter = Reporter(home.settings.database, run.id, run.attempt)
    ready = sft.prepare(job, reporter, Stops(lambda: None))
    reporter.close()
    ours = ready.trainer

    def train() -> None:
        trainer = SFTTrainer(
            model=models.load_model(job.base_folder, job.spec, precision.of(job.spec)),
            args=with_exams(ours.args, job, ready),
            train_dataset=ours.train_dataset,
            eval_dataset=ours.eval_dataset,
            processing_class=ready.tokenizer,
            peft_config=adapting.config(job.spec, ours.model.get_base_model(), ready.plan),
        )
        trainer.remove_callback(PrinterCallback)
        with answers_only_head():
            trainer.train()

    return timed(train)


def with_exams(config: Any, job: Job, ready: Ready) -> Any:
    """Return TRL's configuration for the same exams and checkpoints."""
    config.output_dir = str(HOME / "plain" / job.run.id)
    if ready.plan.eval_every is not None:
        config.eval_strategy = config.save_strategy = "steps"
        config.eval_steps = config.save_steps = ready.plan.eval_every
        config.save_total_limit = job.spec.keep_checkpoints
    return config


def main(repetitions: int) -> None:
    """Print the ratios."""
    open_journal()
    home = TrainingHome.make(HOME / "home")
    data, base = home.dataset(conversations(200)), home.base_model(base_model())
    cases = {"bare": {"eval_share": 0.0, "save_every": STEPS}, "with exams": {"eval_share": 0.1}}
    for name, changes in cases.items():
        ratios = []
        for _ in range(repetitions + 1):
            pair = []
            for train in (plain, studio):
                home.queue(data, base, max_steps=STEPS, max_length=256, batch_size=2, **changes)
                pair.append(train(home, home.claim()))
            ratios.append([ours / theirs for theirs, ours in zip(*pair, strict=True)])
        wall, cpu = (statistics.median(column) for column in zip(*ratios[1:], strict=True))
        print(f"{name}: wall {wall:.3f}, processor {cpu:.3f} of TRL alone ({repetitions} pairs)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
