"""Reads published adapters and models as any program would, and writes what they make of a probe.

Run by `test_matrix` in a process of its own: `python fresh_answers.py FOLDER`.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    BitsAndBytesConfig,
)


def main(folder: Path) -> None:
    """Read asked.json, write answers.json."""
    asked = json.loads((folder / "asked.json").read_text())
    ids = torch.tensor([asked["probe"]])
    answers = {name: answer(cell, ids) for name, cell in asked["cells"].items()}
    (folder / "answers.json").write_text(json.dumps(answers))


@torch.no_grad()
def answer(cell: dict[str, Any], ids: torch.Tensor) -> list[float]:
    """Return the logits of the last token, or the reward."""
    is_reward = cell["method"] == "Reward"
    kind = AutoModelForSequenceClassification if is_reward else AutoModelForCausalLM
    more = {"num_labels": 1} if is_reward else {}
    if cell["whole"]:
        model = kind.from_pretrained(cell["folder"], dtype=torch.float32)
    else:
        shrunk = None if cell["adapter"] == "LoftQ" else quantization(cell["quantization"])
        base = kind.from_pretrained(
            cell["base"], dtype=torch.float32, quantization_config=shrunk, **more
        )
        for module in base.modules():
            if hasattr(module, "support_avx512bf16_for_cpu"):
                # Some processors repack 4-bit weights for answering, which fails below 64 inputs.
                module.support_avx512bf16_for_cpu = False
        model = PeftModel.from_pretrained(base, cell["folder"])
    logits = model.eval()(input_ids=ids).logits
    found: list[float] = (logits[0, -1] if logits.dim() == 3 else logits[0]).float().tolist()
    return found


def quantization(name: str) -> BitsAndBytesConfig | None:
    """Return how the base was shrunk while it learned."""
    if name == "none":
        return None
    if name == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=name,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
