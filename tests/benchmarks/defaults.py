"""What pressing Start without changing anything gives, beside LLaMA-Factory's example settings.

    python -m tests.benchmarks.defaults --data FOLDER [--model FOLDER] [--seconds 30]
        [--seeds 1 2 3] [--only pubmedqa alpaca] [--clock wall|cpu]

FOLDER holds `pubmedqa_messages.jsonl` and `alpaca_en_demo.json`; the model is the starter model,
built first where no folder is given (a minute). Set OMP_NUM_THREADS=1 where cores are shared.

In every round a tenth of the rows (by the seed) is kept back from both sides, and both adapters are
scored in the same way: the mean loss of the answers' tokens in those rows. What is printed is the
ratio of the studio's loss to the peer's, below 1 where the studio's is better.

- The studio: the preset *balanced* as the form fills it in for these data and this model, with all
  that belongs to it: a tenth of its rows go to its own exams, these take time, states are saved,
  the best one is published, it stops early where nothing improves.
- The peer: the settings of examples/train_lora/qwen3_lora_sft.yaml and llama3_lora_sft.yaml of
  LLaMA-Factory (rank 8, alpha twice that by its default, all linear layers, one example at a time
  and 8 behind a step, rate 1e-4, cosine with a tenth of warm-up, no packing, no exam, all rows to
  learn from; 2,048 tokens, of which the starter model reads 1,024). They run through the studio's
  own trainer with its faster steps, which is generous: its own process is slower
  (tests/benchmarks/whole_job).

Equal time: the studio's steps are those that a trial says will fit the seconds, at most its
preset's own; with `--seconds 0` the preset is left alone. Its whole attempt is timed, from loading
to the published adapter. The peer then gets as many steps as fit the same time by its own trial,
and its schedule ends at the last of them: where three readings, as shipped, would end sooner, it
goes on learning instead. Each side runs alone in a process of its own, in turn; `seconds` stand
beside each result. On a machine with other work compare by `--clock cpu`.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage import settings

if __name__ == "__main__":
    settings.quiet_libraries(Path(tempfile.mkdtemp()), offline=True)  # read on import

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

import worker.quiet  # noqa: F401  (sets the libraries' logging)
from storage import attempts, leases, runs, specs
from storage.ids import LOCAL_PERSON
from storage.settings import Settings
from storage.specs import RunSpec
from studio.services import base_models, plans
from studio.services.plans import Places
from studio.services.studio import Studio, opened
from tests.fakes.workplace import Workplace
from worker.starter.build import build
from worker.training import launch

EXAMPLE: dict[str, Any] = {
    "rank": 8, "alpha": 16, "learning_rate": 1e-4, "scheduler": "cosine", "warmup_ratio": 0.1,
    "batch_size": 1, "accumulation": 8, "epochs": 3, "max_length": 1024, "packing": False,
    "eval_share": 0.0, "early_stopping": 0, "save_every": 500,
}  # fmt: skip
"""The peer's example in the words of this studio."""

FILES = {"pubmedqa": "pubmedqa_messages.jsonl", "alpaca": "alpaca_en_demo.json"}
TRIAL = 8
"""Steps of the trial that tells how long a step takes."""

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Task:
    """One side's turn: the rows, the model, the settings beside the preset's or in place of them.

    `preset`: the settings are the studio's own preset with the changes; else the changes alone.
    """

    folder: str
    model: str
    preset: bool
    changes: dict[str, Any]


# Rounds.


def compare(asked: argparse.Namespace) -> None:
    """Let both sides learn in turn and print losses, seconds and ratios."""
    with tempfile.TemporaryDirectory(prefix="defaults-") as name:
        place = Path(name)
        model = asked.model or _starter(place / "starter")
        for data in asked.only:
            ratios = []
            for seed in asked.seeds:
                folder = place / f"{data}-{seed}"
                split(asked.data / FILES[data], folder, seed)
                ratios.append(
                    _round(data, Task(str(folder), str(model), True, {"seed": seed}), asked)
                )
            print(f"{data}: median ratio {statistics.median(ratios):.3f} of {len(ratios)} seeds")


def _round(data: str, task: Task, asked: argparse.Namespace) -> float:
    """Return the ratio of the studio's loss on the rows kept back to the peer's."""
    clock, seed = asked.clock, task.changes
    changes = dict(seed)
    if asked.seconds:
        pace, before = _pace(task, clock)
        changes["max_steps"] = max(TRIAL, int((asked.seconds - before) / pace))
    ours = _turn(Task(task.folder, task.model, True, changes))
    example = Task(task.folder, task.model, False, {**EXAMPLE, **seed})
    pace, before = _pace(example, clock)
    steps = max(1, int((ours[clock] - before) / pace))
    theirs = _turn(Task(task.folder, task.model, False, {**example.changes, "max_steps": steps}))
    ratio = ours["loss"] / theirs["loss"]
    print(
        f"{data} seed {seed['seed']}: studio {ours['loss']:.3f} ({ours['steps']} steps, "
        f"{ours[clock]:.1f} s), example settings {theirs['loss']:.3f} ({theirs['steps']} steps, "
        f"{theirs[clock]:.1f} s), untrained {ours['untrained']:.3f}; ratio {ratio:.3f}",
        flush=True,
    )
    return float(ratio)


def _pace(task: Task, clock: str) -> tuple[float, float]:
    """Return the seconds of a step, and those of all around the steps."""
    changes = {"eval_share": 0.0, "early_stopping": 0, "save_every": 1000, "eval_every": None}
    short, long = (
        _turn(
            Task(task.folder, task.model, task.preset, {**task.changes, **changes, "max_steps": n})
        )
        for n in (2, 2 + TRIAL)
    )
    pace = max(1e-3, (long[clock] - short[clock]) / TRIAL)
    return pace, max(0.0, short[clock] - 2 * pace)


def _turn(task: Task) -> dict[str, Any]:
    """Let a side learn in a process of its own."""
    command = [sys.executable, "-m", __spec__.name, "--turn", json.dumps(vars(task))]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.decode()[-3000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _starter(folder: Path) -> Path:
    print("building the starter model", flush=True)
    build(folder, lambda _share, _words: None)
    return folder


# Rows.


def split(file: Path, folder: Path, seed: int) -> None:
    """Write a file's rows as conversations: a tenth, by the seed, is kept back from learning."""
    content = file.read_text(encoding="utf-8")
    rows = [json.loads(line) for line in content.splitlines()] if file.suffix == ".jsonl" else [
        _conversation(row) for row in json.loads(content)
    ]  # fmt: skip
    random.Random(seed).shuffle(rows)
    kept_back = len(rows) // 10
    folder.mkdir()
    for name, part in (("exam", rows[:kept_back]), ("learn", rows[kept_back:])):
        lines = "".join(json.dumps(row) + "\n" for row in part)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")


def _conversation(row: dict[str, str]) -> dict[str, Any]:
    question = "\n".join(filter(None, (row["instruction"], row.get("input"))))
    turns = (("user", question), ("assistant", row["output"]))
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


# A turn.


def learn(task: Task) -> dict[str, Any]:
    """Train as a queued run does, in this process, and score what came out."""
    folder = Path(task.folder)
    studio = opened(Settings(home=Path(tempfile.mkdtemp(dir=folder))))
    workplace = Workplace(studio)
    data = workplace.data((folder / "learn.jsonl").read_bytes(), "learn.jsonl")
    model = base_models.add_folder(studio, LOCAL_PERSON, task.model)
    workplace.work()
    spec = plans.preset(studio, LOCAL_PERSON, "balanced", Places(data.id, model.id))
    if not task.preset:  # what the example says nothing about is at its usual value
        spec = type(spec)(name="Example", dataset_id=data.id, base_model_id=model.id)
    values = {**spec.model_dump(), **task.changes}
    run = runs.add(studio.database, LOCAL_PERSON, _shortened(studio, spec, values))
    claimed = attempts.claim(studio.database, leases.worker_name(), 600)
    assert claimed is not None
    attempts.begin(studio.database, run.id, claimed.attempt)
    began, spent = time.monotonic(), time.process_time()
    launch.train(studio.settings, run.id, claimed.attempt)
    taken = {"wall": time.monotonic() - began, "cpu": time.process_time() - spent}
    done = runs.get(studio.database, LOCAL_PERSON, run.id)
    assert done.adapter_id is not None, done.error
    rows = [json.loads(line) for line in (folder / "exam.jsonl").read_text("utf-8").splitlines()]
    adapter = studio.artifacts.adapter(done.adapter_id)
    scores = {"loss": score(task.model, rows, adapter), "untrained": score(task.model, rows)}
    return {**taken, **scores, "steps": done.step}


def _shortened(studio: Studio, usual: RunSpec, values: dict[str, Any]) -> RunSpec:
    """Return the settings; a preset's run takes no more steps than its own readings have.

    Its exams are spread over a shortened run as the preset spreads them over a whole one.
    """
    changed = specs.parse(values)
    whole = plans.plan(studio, LOCAL_PERSON, usual.model_dump(mode="json")).steps
    if changed.max_steps is None or not usual.eval_every or not whole:
        return changed
    steps = min(changed.max_steps, whole)
    every = max(1, round(usual.eval_every * steps / whole)) if changed.eval_every else None
    return changed.model_copy(update={"max_steps": steps, "eval_every": every})


def score(model: str, rows: Rows, adapter: Path | None = None) -> float:
    """Return the mean loss of the answers' tokens; rows are cut where the model stops reading."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    scored = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    most = scored.config.max_position_embeddings
    scored = (PeftModel.from_pretrained(scored, adapter) if adapter else scored).eval()
    total, count = 0.0, 0
    for row in rows:
        out = tokenizer.apply_chat_template(
            row["messages"], return_dict=True, return_assistant_tokens_mask=True
        )
        ids = torch.tensor([out["input_ids"][:most]])
        answered = torch.tensor(out["assistant_masks"][1:most], dtype=torch.bool)
        with torch.inference_mode():
            logits = scored(ids).logits[0, :-1]
        losses = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")
        total += float(losses[answered].sum())
        count += int(answered.sum())
    return total / count


def main() -> None:
    """Take a turn, or compare."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--data", type=Path, help="where the files are")
    words.add_argument("--model", type=Path, help="the starter model; none: it is built")
    words.add_argument("--seconds", type=float, default=30.0, help="0: as long as the preset takes")
    words.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    words.add_argument("--only", nargs="+", choices=list(FILES), default=list(FILES))
    words.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    words.add_argument("--turn", help=argparse.SUPPRESS)
    asked = words.parse_args()
    if asked.turn:
        print(json.dumps(learn(Task(**json.loads(asked.turn)))))
    elif asked.data is None:
        words.error("--data is needed")
    else:
        compare(asked)


if __name__ == "__main__":
    main()
