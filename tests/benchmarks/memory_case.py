"""One setting of the memory benchmark: the peak of a real run, and what is said of it beforehand.

The peak is the allocator's: the events of torch's profiler from the first tensor of the run to its
last, added up. Weights are read by one thread: of others' the profiler sees nothing.
"""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, core_model_loading

from storage import model_facts, specs
from storage.specs import RunSpec
from studio.advice import peak_memory
from studio.advice.heaviest import Heaviest
from studio.advice.machine import machine
from tests.fakes import tiny_models
from tests.fakes.training_home import Rows, TrainingHome
from worker.training.dry_run import estimate
from worker.training.dry_run.material import Case

SIZES: dict[str, dict[str, int]] = {
    "4M": {"hidden_size": 256, "num_hidden_layers": 4, "vocab_size": 2048},
    "14M": {"hidden_size": 384, "num_hidden_layers": 6, "vocab_size": 4096},
    "50M": {"hidden_size": 512, "num_hidden_layers": 10, "vocab_size": 16384},
    "100M": {"hidden_size": 768, "num_hidden_layers": 12, "vocab_size": 16384},
}


SPEAKERS = len("user: assistant: ")
"""Tokens that the template writes into an example of one question and one answer."""


@dataclass(frozen=True)
class Setting:
    """One setting: a model's size and kind, the texts read at once, and what is not as usual."""

    size: str
    batch: int
    length: int
    changes: dict[str, Any] = field(default_factory=dict)
    kind: str = "llama"

    @property
    def spec(self) -> RunSpec:
        """The settings of the run."""
        return specs.parse(
            {
                "dataset_id": "d",
                "base_model_id": "b",
                "batch_size": self.batch,
                "max_length": self.length,
                "max_steps": 2,
                "eval_share": 0.0,
                "early_stopping": 0,
                "path": "auto",
                **self.changes,
            }
        )

    @property
    def words(self) -> str:
        """What it is, in a line."""
        changes = ", ".join(f"{name} {value}" for name, value in self.changes.items())
        kind = "" if self.kind == "llama" else f"{self.kind} "
        return f"{self.size} {kind}{self.batch} x {self.length} {changes}".strip()

    def case(self, folder: Path) -> Case:
        """Return what a dry run is told."""
        texts = (self.length,) * self.batch
        return Case(self.spec, folder, texts, learned=self.learned, asks_first=self.asks_first)

    @property
    def learned(self) -> float:
        """Share of the tokens that are learned; before an answer stands also who speaks."""
        if self.spec.method == "pretrain":
            return 1.0
        return (self.length - self.length // 2 - SPEAKERS) / self.length

    @property
    def asks_first(self) -> bool:
        """Whether every example is read at least once."""
        return 2 * self.spec.effective_batch >= self.rows

    @property
    def rows(self) -> int:
        """So many rows the data has; all of the full length."""
        return max(2 * self.batch, 8)


def config_of(size: str, kind: str = "llama") -> Any:
    """Return the configuration of a model of that size and kind."""
    width = SIZES[size]["hidden_size"]
    shape = dict(
        **SIZES[size],
        intermediate_size=3 * width,
        num_attention_heads=width // 64,
        num_key_value_heads=max(1, width // 128),
        head_dim=64,
        tie_word_embeddings=True,
        max_position_embeddings=8192,
        eos_token_id=0,
        bos_token_id=0,
        pad_token_id=0,
    )
    if kind == "gpt2":
        del shape["intermediate_size"], shape["num_key_value_heads"], shape["head_dim"]
    return AutoConfig.for_model(kind, **shape)


def shape_folder(folder: Path, setting: Setting) -> Path:
    """Write a model folder without weights."""
    tiny_models.save_tokenizer(folder)
    config_of(setting.size, setting.kind).save_pretrained(folder)
    return folder


def tried(setting: Setting) -> dict[str, Any]:
    """Return what a dry run finds."""
    with tempfile.TemporaryDirectory() as folder:
        return estimate.of(setting.case(shape_folder(Path(folder), setting)))


def tried_large() -> dict[str, Any]:
    """Return what a dry run finds of a model of 3 billion parameters, 2,048 tokens at once."""
    with tempfile.TemporaryDirectory() as folder:
        tiny_models.save_tokenizer(Path(folder))
        LlamaConfig(
            vocab_size=128_256, hidden_size=3072, intermediate_size=8192, num_hidden_layers=28,
            num_attention_heads=24, num_key_value_heads=8, tie_word_embeddings=True,
        ).save_pretrained(folder)  # fmt: skip
        setting = Setting("3B", 1, 2048, {"gradient_checkpointing": True, "packing": False})
        return estimate.of(setting.case(Path(folder)))


def estimated(setting: Setting) -> dict[str, float]:
    """Return what the closed form and the rules of thumb say, in bytes."""
    spec = setting.spec
    with tempfile.TemporaryDirectory() as folder:
        save_halved(Path(folder), setting)
        facts = model_facts.read(Path(folder))
    texts = Heaviest((setting.length,) * setting.batch, setting.learned)
    parts = peak_memory.parts_of(spec, facts, texts, machine())
    billions = facts.parameters / 1e9
    table = {"nf4": 0.5, "8bit": 1.0}.get(spec.quantization, 2.0)
    return {
        "form": float(parts.total - parts.overhead),
        "table": (18.0 if spec.adapter == "full" else table) * billions * 1e9,
        "4x": 4.0 * 4 * facts.parameters,
    }


def measured(setting: Setting) -> dict[str, Any]:
    """Return the allocator's peak of a real run of two steps, in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        home = TrainingHome.make(Path(folder) / "home")
        base = Path(folder) / setting.size
        tiny_models.save_tokenizer(base)
        save_halved(base, setting)
        data = home.dataset(_rows(setting))
        home.queue(data, home.base_model(base), **_changes(setting))
        core_model_loading.is_env_variable_true = lambda _name: True  # read weights by one thread
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as taken:
            run, outcome = home.train()
        path = (run.facts or {}).get("path")
        mapped = (base / "model.safetensors").stat().st_size
        return {"bytes": _peak(taken, mapped), "status": str(outcome.status), "path": path}


def _changes(setting: Setting) -> dict[str, Any]:
    spec = setting.spec.model_dump(mode="json", exclude_unset=True)
    usual = {"rank": setting.spec.rank, "alpha": setting.spec.alpha}
    return {name: value for name, value in {**usual, **spec}.items() if not name.endswith("_id")}


def _rows(setting: Setting) -> Rows:
    """Return rows that are too long, so that each is cut to the full length."""
    asked, told = "q" * (setting.length // 2), "a" * setting.length
    question = [{"role": "user", "content": asked}]
    answers = [[{"role": "assistant", "content": letter + told}] for letter in "xy"]
    method, count = setting.spec.method, setting.rows
    if method in ("dpo", "orpo"):
        row: dict[str, Any] = {"prompt": question, "chosen": answers[0], "rejected": answers[1]}
        return [row] * count
    if method == "reward":  # what is longer is left out there
        fitting = [[{"role": "assistant", "content": one[0]["content"][: len(asked) - SPEAKERS]}]
                   for one in answers]  # fmt: skip
        return [{"prompt": question, "chosen": fitting[0], "rejected": fitting[1]}] * count
    if method == "kto":
        return [
            {"prompt": question, "completion": answers[n % 2], "label": n % 2 == 0}
            for n in range(count)
        ]
    if method == "pretrain":
        return [{"text": asked + told}] * count
    return [{"messages": [*question, *answers[0]]}] * count


def save_halved(folder: Path, setting: Setting) -> None:
    """Write a random model in bfloat16, as most are published."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config_of(setting.size, setting.kind))
    model.to(torch.bfloat16).save_pretrained(folder)


def _peak(taken: Any, mapped: int) -> int:
    """Return the most that was held; a weight file of that size is only looked into, not held."""
    held = most = 0
    events = [
        one
        for one in taken.profiler.kineto_results.events()
        if one.name() == "[memory]" and abs(abs(one.nbytes()) - mapped) > 256
    ]
    for event in sorted(events, key=lambda one: one.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    return most
