"""The whole job, from the command to the saved adapter: LLaMA-Factory, plain TRL and this studio.

    python -m tests.benchmarks.whole_job --peer OTHER/bin/llamafactory-cli [--reps 3] [--epochs 1]
        [--threads 1|2] [--only studio trl peer best]

All train the same random Llama (20.5 million parameters, made on the spot with its tokenizer) on
the same 240 chat rows with the same LoRA (rank 16, all linear layers), learning rate, schedule and
seed, and learn the same tokens: each contender's own count stands beside ours. They take turns.
The peer and TRL's script are processes that begin, train, save and end. This studio is its real
worker as `tuning-studio up` starts it, with the data and the model added before: its time runs from
Start to the run's being finished, the adapter published; it saves ten checkpoints on the way, where
the others save once. `processor s` counts all its processes, `first loss` is when somebody can see
it, and `exam loss` is that of the saved adapter on 40 rows which nobody learned from.

The peer needs an environment of its own, as its pins conflict with ours: make a virtual
environment with Python 3.11, install a CPU build of torch 2.13 first, then `llamafactory==0.9.5`
with torch held at that version (a constraints file), so that no CUDA libraries come along. Where
torchvision and torchaudio do not load beside a CPU torch, remove both and put an empty module named
`torchaudio` in their place: text training imports it and never calls it. With
DISABLE_VERSION_CHECK=1 set, `llamafactory-cli version` must answer. Without `--peer` the others run
alone.
"""

import argparse
import os
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path

from storage import settings

settings.quiet_libraries(Path(tempfile.mkdtemp()), offline=True)  # read when libraries are imported

import torch  # noqa: E402
from peft import PeftModel  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

import worker.quiet  # noqa: E402, F401
from tests.benchmarks import shared_job  # noqa: E402
from tests.benchmarks.contenders import (  # noqa: E402
    BEST,
    Contender,
    Cores,
    DidNotFinish,
    Finding,
    LlamaFactory,
    PlainTrl,
)
from tests.benchmarks.shared_job import SharedJob  # noqa: E402
from tests.benchmarks.studio_contender import TuningStudio  # noqa: E402

Findings = dict[str, list[Finding]]

_COLUMNS = (
    f"{'':32s} {'wall s':>8s} {'processor s':>11s} {'first loss s':>12s} {'steps':>5s} "
    f"{'last loss':>9s} {'exam loss':>9s} {'MB largest':>10s} {'MB in all':>9s}"
)


def main(asked: argparse.Namespace) -> None:
    """Let everybody train in turn, and print what they took and the ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = shared_job.make(folder / "job", asked.epochs)
        cores = Cores(tuple(sorted(os.sched_getaffinity(0))[: asked.threads]))
        there = _contenders(asked, job, cores, folder)
        found: Findings = defaultdict(list)
        try:
            for turn in range(asked.reps):
                for number, one in enumerate(there):
                    _take_turn(one, job, folder / f"{turn}-{number}", found)
        finally:
            for one in there:
                if isinstance(one, TuningStudio):
                    one.end()
        _print_table(job, found, asked)


def _contenders(
    asked: argparse.Namespace, job: SharedJob, cores: Cores, folder: Path
) -> list[Contender]:
    there: list[Contender] = []
    if "studio" in asked.only:
        there.append(TuningStudio(job, cores, folder / "home"))
    if asked.peer is None or not asked.peer.is_file():
        reason = f"there is no {asked.peer}" if asked.peer else "no --peer was given"
        print(f"LLaMA-Factory is left out: {reason}.")
    else:
        if "best" in asked.only:
            name = "LLaMA-Factory, best"
            there.append(LlamaFactory(asked.peer.absolute(), cores, name, BEST))
        if "peer" in asked.only:
            there.append(LlamaFactory(asked.peer.absolute(), cores))
    if "trl" in asked.only:
        there.append(PlainTrl(cores))
    return there


def _take_turn(one: Contender, job: SharedJob, folder: Path, found: Findings) -> None:
    try:
        finding = one.train(job, folder)
    except DidNotFinish as error:
        print(f"{one.name} did not finish:\n{error}")
        return
    found[one.name].append(finding)
    print(f"{one.name}: {finding.wall:.1f} s, {finding.processor:.1f} of a processor", flush=True)


def _print_table(job: SharedJob, found: Findings, asked: argparse.Namespace) -> None:
    tokens, learned = shared_job.expected(job)
    exams = {name: _exam_loss(job, findings[-1].adapter) for name, findings in found.items()}
    print(f"\n{asked.threads} thread(s), {asked.epochs} epoch(s), medians of {asked.reps} turns;")
    print(f"{tokens} tokens in an epoch, {learned} of them learned, by our own count")
    print(_COLUMNS)
    for name, findings in found.items():
        last = findings[-1]
        print(
            f"{name:32s} {_median(findings, 'wall'):8.1f} {_median(findings, 'processor'):11.1f} "
            f"{_median(findings, 'first_loss'):12.2f} {len(last.losses):5d} "
            f"{last.final_loss:9.4f} {exams[name]:9.4f} "
            f"{_median(findings, 'largest') / 1e6:10.0f} {_median(findings, 'together') / 1e6:9.0f}"
            f"  {last.path}"
        )
        if last.counted != (tokens, learned):
            print(f"  it counts otherwise: {last.counted[0]} tokens, {last.counted[1]} learned")
    _print_ratios(found)


def _print_ratios(found: Findings) -> None:
    """Print the studio's share of what each other one took, turn by turn, then the median."""
    for ours in (name for name in found if name.startswith("Tuning Studio")):
        for other in (name for name in found if name != ours):
            shares = {
                what: statistics.median(
                    getattr(one, what) / getattr(two, what)
                    for one, two in zip(found[ours], found[other], strict=False)
                )
                for what in ("wall", "processor", "first_loss", "largest", "together")
            }
            words = ", ".join(f"{what} {share:.2f}" for what, share in shares.items())
            print(f"{ours} / {other}: {words}")


def _median(findings: list[Finding], what: str) -> float:
    return statistics.median(getattr(one, what) for one in findings)


@torch.no_grad()
def _exam_loss(job: SharedJob, adapter: Path) -> float:
    """Return the mean loss of the answers' tokens in the rows that nobody learned from."""
    tokenizer = AutoTokenizer.from_pretrained(job.model)
    base = AutoModelForCausalLM.from_pretrained(job.model, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, adapter).eval()
    total, count = 0.0, 0
    for row in shared_job.read(job.exam):
        out = tokenizer.apply_chat_template(
            row["messages"], return_dict=True, return_assistant_tokens_mask=True
        )
        ids = torch.tensor([out["input_ids"]])
        learned = torch.tensor(out["assistant_masks"][1:], dtype=torch.bool)
        losses = torch.nn.functional.cross_entropy(
            model(ids).logits[0, :-1], ids[0, 1:], reduction="none"
        )
        total += float(losses[learned].sum())
        count += int(learned.sum())
    return total / count


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", type=Path, help="the peer's llamafactory-cli")
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    names = ("studio", "best", "peer", "trl")
    parser.add_argument("--only", nargs="+", default=names, choices=names)
    main(parser.parse_args())
