"""How well the memory of a run is known beforehand: the error of each estimate, setting by setting.

`python -m tests.benchmarks.memory [--only WORD ...] [--depth]` prints for each setting the measured
peak and by how many per cent the estimates are off: the dry run (`dry`), the closed form (`form`),
and two rules of thumb: LLaMA-Factory's table for LoRA in 16 bits (2 GB a billion parameters; half
a GB in 4 bits; 18 GB where all of it learns) and accelerate's `estimate-memory` (four times the
weights). Below stand median, worst, and how far under; then the seconds that a dry run of a model
of 3 billion parameters takes. With a graphics card `--card` measures random models of the shapes
of Phi-4-mini, Llama-3.2-1B and Qwen2.5-7B instead (`torch.cuda.max_memory_allocated`).

The measured peak is that of a real run of two steps, by the allocator's own events. Peaks do not
depend on how busy the machine is; seconds do.
"""

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from storage import settings

if __name__ == "__main__":
    settings.quiet_libraries(Path(tempfile.mkdtemp()), offline=True)  # read on import

from tests.benchmarks import memory_card, memory_case
from tests.benchmarks.memory_case import Setting

_LONG = {"packing": False}

GRID = [
    Setting("4M", 2, 256, _LONG),
    Setting("4M", 4, 512),
    Setting("4M", 2, 256, {"gradient_checkpointing": True}),
    Setting("4M", 2, 256, {"path": "plain", **_LONG}),
    Setting("4M", 2, 256, {"adapter": "full", "precision": "float32"}),
    Setting("4M", 2, 256, {"quantization": "nf4"}),
    Setting("4M", 2, 256, {"quantization": "8bit"}),
    Setting("4M", 2, 256, {"method": "dpo"}),
    Setting("4M", 2, 256, {"method": "orpo"}),
    Setting("4M", 2, 256, {"method": "reward"}),
    Setting("4M", 2, 256, {"method": "kto"}),
    Setting("4M", 2, 256, {"adapter": "ia3"}),
    Setting("4M", 2, 256, {"use_dora": True}),
    Setting("4M", 2, 256, {"adapter": "full", "optimizer": "adamw_bnb_8bit", "accumulation": 2}),
    Setting("14M", 1, 512, {"rank": 64}),
    Setting("14M", 4, 256, {"optimizer": "lion_8bit", "dropout": 0.1}),
    Setting("14M", 2, 512, {"gradient_checkpointing": True, "path": "plain"}),
    Setting("14M", 2, 512, {"precision": "float32"}),
    Setting("14M", 2, 256, {"adapter": "full", "optimizer": "adafactor"}),
    Setting("14M", 2, 256, {"quantization": "nf4", "gradient_checkpointing": True}),
    Setting("14M", 1, 1024, {"method": "pretrain"}),
    Setting("50M", 1, 512),
    Setting("50M", 2, 512, {"gradient_checkpointing": True}),
    Setting("50M", 1, 256, {"adapter": "full"}),
    Setting("50M", 1, 256, {"method": "dpo"}),
    Setting("100M", 1, 512),
    Setting("100M", 4, 256, {"rank": 32}),
    Setting("100M", 2, 512, {"gradient_checkpointing": True}),
    Setting("100M", 1, 256, {"adapter": "full", "accumulation": 2}),
    Setting("100M", 1, 256, {"quantization": "nf4", "double_quantization": False}),
    Setting("100M", 1, 512, {"path": "plain", "precision": "float32"}),
    Setting("4M", 2, 256, kind="qwen3"),
    Setting("4M", 2, 256, {"quantization": "nf4"}, kind="phi3"),
    Setting("4M", 2, 256, kind="gemma3_text"),
    Setting("4M", 2, 256, {"method": "dpo"}, kind="gpt2"),
    Setting("50M", 2, 256, kind="qwen2"),
]

_NAMES = ("dry", "form", "table", "4x")


def main() -> None:
    """Measure, and print the errors."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--only", nargs="*", default=[], help="settings whose words hold these")
    words.add_argument("--large", action="store_true", help="time the large model too")
    words.add_argument("--card", action="store_true", help="measure on a graphics card")
    words.add_argument("--json", type=Path, help="file to add the figures to")
    given = words.parse_args()
    if given.card:
        memory_card.main()
        return
    chosen = [one for one in GRID if all(word in one.words for word in given.only)]
    print(f"{'setting':62} {'measured':>9} " + " ".join(f"{name:>8}" for name in _NAMES))
    errors: dict[str, list[float]] = {name: [] for name in _NAMES}
    for one in chosen:
        found = _judged(one)
        if given.json:
            with given.json.open("a") as file:
                file.write(json.dumps({**asdict(one), **found}) + "\n")
        apart = {name: 100 * (found[name] / found["measured"] - 1) for name in _NAMES}
        for name in _NAMES:
            errors[name].append(apart[name])
        line = " ".join(f"{apart[name]:+7.1f}%" for name in _NAMES)
        print(f"{one.words[:62]:62} {found['measured'] / 1e6:6.1f} MB {line}", flush=True)
    _print_summary(errors)
    if not given.only or given.large:
        seconds = _in_a_child(memory_case.tried_large)["seconds"]
        print(f"a dry run of 3 billion parameters: {seconds:.1f} s (fit for 5)")


def _judged(one: Setting) -> dict[str, Any]:
    measured = _in_a_child(memory_case.measured, one)
    tried = _in_a_child(memory_case.tried, one)
    estimates = _in_a_child(memory_case.estimated, one)
    return {
        "measured": measured["bytes"],
        "path": measured["path"],
        "dry": tried["bytes"],
        "seconds": tried["seconds"],
        **estimates,
    }


def _print_summary(errors: dict[str, list[float]]) -> None:
    for name, values in errors.items():
        if not values:
            continue
        size = [abs(value) for value in values]
        print(
            f"{name:6} median {statistics.median(size):6.2f} %   worst {max(size):6.2f} %   "
            f"furthest under {min(0.0, *values, 0.0):6.2f} %   ({len(values)} settings)"
        )


def _in_a_child(do: Callable[..., dict[str, Any]], *given: Any) -> dict[str, Any]:
    """Do it in a process of its own, forked from this one, which has computed nothing."""
    context = multiprocessing.get_context("fork")
    theirs, mine = context.Pipe()
    process = context.Process(target=_tell, args=(mine, do, *given))
    process.start()
    mine.close()
    try:
        return dict(theirs.recv())
    except EOFError:
        sys.exit(f"{do.__name__} failed for {given}")
    finally:
        process.join()


def _tell(pipe: Any, do: Callable[..., dict[str, Any]], *given: Any) -> None:
    pipe.send(do(*given))


if __name__ == "__main__":
    main()
