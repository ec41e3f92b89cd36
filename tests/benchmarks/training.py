"""How quickly supervised training reads: the studio's steps beside TRL's own, in one run.

`python -m tests.benchmarks.training [ROUNDS] [--steps N] [--only NAME ...]` prints tokens per CPU
second, wall seconds, peak memory and final loss, each with its ratio to TRL's plain steps. In every
round each contestant trains once, in a process of its own, on the same tokens of which the same are
learned; figures are medians over the rounds. Steps are counted from the second on. Set
OMP_NUM_THREADS=1 where the machine is shared.

The model is a random Llama of 20.5 million parameters (384 wide, 8 layers, a vocabulary of 16,384);
the data are 240 conversations of a made-up language, LoRA has rank 16 on all linear layers.
`TRL` has padding, batches of 8, float32, the answers learned; `TRL at its best` packs blocks of
1,024 tokens and multiplies in bfloat16; the studio has its own automatic settings, the same packing
and batches, and reports to its database besides.
"""

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from storage import settings

if __name__ == "__main__":
    settings.quiet_libraries(Path(tempfile.mkdtemp()), offline=True)  # read on import

import torch
from peft import LoraConfig
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    PrinterCallback,
    TrainerCallback,
)
from trl import SFTConfig, SFTTrainer

from tests.fakes.training_home import TrainingHome
from worker.training import data, recipe, sft, templates
from worker.training.checkpoints import Start
from worker.training.job import opened
from worker.training.reporting import Reporter
from worker.training.stops import Stops
from worker.training.tokens import Encoder

CONTESTANTS = {"TRL": "trl", "TRL at its best": "best", "studio": "studio"}
ROWS, LONGEST, RATE = 240, 1000, 2e-4

TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}"
    "{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] + '<|im_end|>' }}"
    "{% endgeneration %}{% else %}{{ m['content'] + '<|im_end|>' }}{% endif %}{{ '\n' }}"
    "{% endfor %}"
)


# Model and data.


def write(folder: Path) -> None:
    """Write the model and the conversations."""
    chance = random.Random(7)
    words = _words(chance)
    tokenizer = _tokenizer(" ".join(_text(chance, words, 400)) for _ in range(3000))
    tokenizer.save_pretrained(folder / "model")
    torch.manual_seed(0)
    shape = {"hidden_size": 384, "intermediate_size": 1152, "num_hidden_layers": 8}
    config = LlamaConfig(
        vocab_size=len(tokenizer), num_attention_heads=6, num_key_value_heads=3,
        max_position_embeddings=4096, tie_word_embeddings=True, pad_token_id=0, bos_token_id=1,
        eos_token_id=2, **shape,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder / "model")
    rows = [_row(chance, words) for _ in range(ROWS)]
    (folder / "rows.json").write_text(json.dumps(rows), encoding="utf-8")


def _words(chance: random.Random) -> list[str]:
    starts = [*"bcdfghjklmnprstvwz", "st", "tr", "ch", "pl", "br"]
    vowels = [*"aeiou", "ai", "ou", "ea"]

    def syllable() -> str:
        end = chance.choice("nrstlm") if chance.random() < 0.35 else ""
        return chance.choice(starts) + chance.choice(vowels) + end

    made = {
        "".join(syllable() for _ in range(chance.choice((1, 2, 2, 3, 3)))) for _ in range(60000)
    }
    return sorted(made, key=lambda _: chance.random())


def _text(chance: random.Random, words: list[str], count: int) -> list[str]:
    """Return so many words, common and rare ones as in a language (Zipf)."""
    return [words[min(int(len(words) ** chance.random()), len(words) - 1)] for _ in range(count)]


def _row(chance: random.Random, words: list[str]) -> dict[str, Any]:
    """Return a conversation whose length is distributed like that of instructions."""
    total = int(min(LONGEST, max(24, chance.lognormvariate(4.8, 0.85))))
    asked = max(8, int(total * chance.uniform(0.15, 0.45)))
    texts = [" ".join(_text(chance, words, max(3, n // 2))) for n in (asked, total - asked)]
    roles = ("user", "assistant")
    return {"messages": [{"role": r, "content": c} for r, c in zip(roles, texts, strict=True)]}


def _tokenizer(texts: Any) -> PreTrainedTokenizerFast:
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=16384, special_tokens=["<pad>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
    )  # fmt: skip
    raw.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", bos_token="<|im_start|>", eos_token="<|im_end|>"
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


# Contestants.


class Clock(TrainerCallback):
    """Notes after each step: tokens so far, CPU and wall seconds, and the loss."""

    def __init__(self) -> None:
        self.steps: list[tuple[float, float, float, float]] = []

    def on_log(self, _args: Any, _state: Any, _control: Any, logs: Any, **_: Any) -> None:
        """Note a step."""
        if "loss" in logs:
            times = (time.process_time(), time.perf_counter())
            self.steps.append((logs["num_tokens"], *times, logs["loss"]))

    def found(self) -> dict[str, float]:
        """Return the figures, from the second step on."""
        (tokens, cpu, wall, _), last = self.steps[0], self.steps[-1]
        return {
            "tokens per CPU second": (last[0] - tokens) / (last[1] - cpu),
            "tokens per second": (last[0] - tokens) / (last[2] - wall),
            "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "loss": statistics.mean(step[3] for step in self.steps[-5:]),
        }


def by_trl(folder: Path, steps: int, *, best: bool) -> Clock:
    """Train by TRL's trainer alone, on the studio's tokens and labels."""
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    encoder = Encoder(tokenizer, templates.choose(tokenizer), response_only=True)
    rows = json.loads((folder / "rows.json").read_text(encoding="utf-8"))
    side = data.encode(
        [{**row, "line": n} for n, row in enumerate(rows)], encoder, 1024, lambda: None
    )
    config = SFTConfig(
        output_dir=str(folder / "trl"), per_device_train_batch_size=1 if best else 8, packing=best,
        max_length=1024, max_steps=steps, learning_rate=RATE, bf16=best, use_cpu=True,
        activation_checkpointing=False, logging_steps=1, save_strategy="no", report_to="none",
        disable_tqdm=True, dataloader_pin_memory=False, lr_scheduler_type="constant",
        dataset_kwargs={"skip_prepare_dataset": True},
    )  # fmt: skip
    clock = Clock()
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(folder / "model"),
        args=config,
        train_dataset=(data.pack(side, 1024) if best else side).examples,
        processing_class=tokenizer,
        peft_config=LoraConfig(
            r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"
        ),
        callbacks=[clock],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return clock


def by_studio(folder: Path, steps: int) -> Clock:
    """Train as a queued run does, with its reports and its checkpoint."""
    home = TrainingHome.make(Path(tempfile.mkdtemp(dir=folder)))
    rows = json.loads((folder / "rows.json").read_text(encoding="utf-8"))
    dataset = home.dataset([{**row, "line": n} for n, row in enumerate(rows)])
    home.queue(
        dataset, home.base_model(folder / "model"), rank=16, alpha=32, learning_rate=RATE,
        max_steps=steps, batch_size=1, max_length=1024, eval_share=0.0, scheduler="constant",
        warmup_ratio=0.0, save_every=steps,
    )  # fmt: skip
    run = home.claim()
    job = opened(home.settings, run.id, run.attempt)
    reporter = Reporter(home.settings.database, run.id, run.attempt)
    stops = Stops(lambda: reporter.asked)
    ready, clock = sft.prepare(job, reporter, stops), Clock()
    ready.trainer.add_callback(clock)
    recipe.run_steps(job, ready, Start(None), (reporter, stops))
    reporter.close()
    print(f"path: {ready.facts['path']}", file=sys.stderr)
    return clock


# Rounds.


def compare(rounds: int, steps: int, names: list[str]) -> None:
    """Print the figures of all contestants, and their ratios to the first."""
    with tempfile.TemporaryDirectory(prefix="training-benchmark-") as place:
        write(Path(place))
        found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for _ in range(rounds):
            for name in names:
                found[name].append(_alone(place, steps, CONTESTANTS[name]))
    middle = {
        name: {key: statistics.median(one[key] for one in of) for key in of[0]}
        for name, of in found.items()
    }
    for key in middle[names[0]]:
        told = [
            f"{name} {of[key]:.4g} ({of[key] / middle[names[0]][key]:.3g} x)"
            for name, of in middle.items()
        ]
        print(f"{key}: {', '.join(told)}")


def _alone(place: str, steps: int, contestant: str) -> dict[str, float]:
    """Let a contestant train in a process of its own."""
    command = [sys.executable, "-m", __spec__.name, "--in", place, "--contestant", contestant]
    done = subprocess.run([*command, "--steps", str(steps)], stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Take part, or compare."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("rounds", nargs="?", type=int, default=3)
    words.add_argument("--steps", type=int, default=12)
    words.add_argument("--only", nargs="+", choices=list(CONTESTANTS), default=list(CONTESTANTS))
    words.add_argument("--in", dest="place", type=Path, help=argparse.SUPPRESS)
    words.add_argument("--contestant", help=argparse.SUPPRESS)
    asked = words.parse_args()
    if asked.contestant is None:
        compare(asked.rounds, asked.steps, asked.only)
    elif asked.contestant == "studio":
        print(json.dumps(by_studio(asked.place, asked.steps).found()))
    else:
        best = asked.contestant == "best"
        print(json.dumps(by_trl(asked.place, asked.steps, best=best).found()))


if __name__ == "__main__":
    main()
