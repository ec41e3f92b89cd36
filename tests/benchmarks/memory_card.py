"""The memory benchmark on a graphics card: random models of published shapes."""

import gc
import tempfile
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, Phi3Config, Qwen2Config

from storage import specs
from tests.fakes import tiny_models
from worker.training import models, precision
from worker.training.dry_run import estimate, trainers
from worker.training.dry_run.material import Case

SHAPES: dict[str, Any] = {
    "Phi-4-mini": lambda: Phi3Config(
        vocab_size=200_064, hidden_size=3072, intermediate_size=8192, num_hidden_layers=32,
        num_attention_heads=24, num_key_value_heads=8, tie_word_embeddings=True, pad_token_id=0,
    ),
    "Llama-3.2-1B": lambda: LlamaConfig(
        vocab_size=128_256, hidden_size=2048, intermediate_size=8192, num_hidden_layers=16,
        num_attention_heads=32, num_key_value_heads=8, tie_word_embeddings=True,
    ),
    "Qwen2.5-7B": lambda: Qwen2Config(
        vocab_size=152_064, hidden_size=3584, intermediate_size=18_944, num_hidden_layers=28,
        num_attention_heads=28, num_key_value_heads=4, tie_word_embeddings=False,
    ),
}  # fmt: skip
"""Of what their config.json say that takes memory."""

WAYS: dict[str, dict[str, Any]] = {
    "LoRA": {"gradient_checkpointing": True},
    "LoRA, 4 bits": {"gradient_checkpointing": True, "quantization": "nf4"},
}


def main() -> None:
    """Print the error of each shape; says so and ends where there is no card."""
    if not torch.cuda.is_available():
        print("There is no graphics card here: nothing measured.")
        return
    for name, make in SHAPES.items():
        for way, changes in WAYS.items():
            with tempfile.TemporaryDirectory() as folder:
                _print(f"{name}, {way}", make(), changes, Path(folder))


def _print(words: str, config: Any, changes: dict[str, Any], folder: Path) -> None:
    tiny_models.save_tokenizer(folder)
    config.save_pretrained(folder)
    spec = specs.parse(
        {"dataset_id": "d", "base_model_id": "b", "batch_size": 1, "max_length": 2048,
         "packing": False, **changes}
    )  # fmt: skip
    case = Case(spec, folder, (2048,), learned=0.5)
    tried = estimate.of(case)["bytes"]
    measured = _measured(case, config)
    apart = 100 * (tried / measured - 1)
    print(
        f"{words:24} measured {measured / 1e9:6.2f} GB  dry {tried / 1e9:6.2f} GB {apart:+6.1f} %"
    )


def _measured(case: Case, config: Any) -> int:
    """Return the most that the card's allocator gave out in two steps with real numbers."""
    with torch.device("cuda"):
        made = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    made.save_pretrained(case.folder)
    del made
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    formats = precision.of(case.spec, case.folder)
    model = models.load_model(case.folder, case.spec, formats)
    with tempfile.TemporaryDirectory() as folder:
        ready = trainers.make(case, model, formats, Path(folder))
        ready.trainer.args.max_steps = 2
        with ready.steps():
            ready.trainer.train()
    most = int(torch.cuda.max_memory_allocated())
    del ready, model
    gc.collect()
    torch.cuda.empty_cache()
    return most
