"""Seconds from Start to the first point of the curve: a warm worker beside a fresh process.

    python -m tests.benchmarks.first_point [--runs 3]

Both train the same tiny model on the same rows through the same database; the fresh process
imports the training libraries first, as a plain script would.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from storage import settings

settings.quiet_libraries(Path(tempfile.mkdtemp()), offline=True)  # read when libraries are imported

from transformers import LlamaConfig  # noqa: E402

from tests.fakes.studio_worker import PROJECT, Town, until  # noqa: E402
from tests.fakes.tiny_models import save_model, save_tokenizer  # noqa: E402
from tests.fakes.training_home import TrainingHome, conversations  # noqa: E402

FRESH = """
import sys
from pathlib import Path
from storage import settings
home = Path(sys.argv[1])
settings.quiet_libraries(home, offline=True)
from tests.fakes.training_home import TrainingHome
from worker.training import preload
TrainingHome.make(home).train()
"""


def main(times: int) -> None:
    """Measure both, turn by turn, and print the medians."""
    with tempfile.TemporaryDirectory() as folder:
        town = _town(Path(folder))
        town.worker(pin=False).wait_until_warm()
        warm, fresh = [], []
        for _ in range(times):
            warm.append(_seconds_of_worker(town))
            fresh.append(_seconds_of_fresh(town))
            print(f"warm worker {warm[-1]:.2f} s, fresh process {fresh[-1]:.2f} s")
        town.end()
        ratio = statistics.median(warm) / statistics.median(fresh)
        print(
            f"median: warm worker {statistics.median(warm):.2f} s, "
            f"fresh process {statistics.median(fresh):.2f} s, ratio {ratio:.2f} (goal: 2.5 s warm)"
        )


def _town(folder: Path) -> Town:
    model = folder / "tiny-llama"
    save_tokenizer(model)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    save_model(model, LlamaConfig(vocab_size=300, num_attention_heads=2, **shape))
    home = TrainingHome.make(folder / "home")
    return Town(home, home.dataset(conversations(200)), home.base_model(model))


def _seconds_of_worker(town: Town) -> float:
    began = time.monotonic()
    run_id = town.start()
    seconds = _until_first_point(town, run_id, began)
    town.wait_for(run_id)
    return seconds


def _seconds_of_fresh(town: Town) -> float:
    """The same without the worker, in a home of its own, so that the worker does not take it."""
    with tempfile.TemporaryDirectory() as folder:
        other = _town(Path(folder))
        began = time.monotonic()
        run_id = other.home.queue(*other.ids).id
        command = [sys.executable, "-c", FRESH, str(other.home.home)]
        process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL)
        seconds = _until_first_point(other, run_id, began)
        process.wait()
        other.home.database.close()
        return seconds


def _until_first_point(town: Town, run_id: str, began: float) -> float:
    until(lambda: town.home.points(run_id), 120)
    return time.monotonic() - began


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    main(parser.parse_args().runs)
