"""Answers as any program would: base model, published adapter, its tokenizer and its template.

Run by `test_trainings` in a process of its own: `python fresh_chat.py FOLDER`.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer


def main(folder: Path) -> None:
    """Read asked.json, write answers.json."""
    asked = json.loads((folder / "asked.json").read_text())
    answers = {name: answered(*places, asked["talks"]) for name, places in asked["places"].items()}
    (folder / "answers.json").write_text(json.dumps(answers))


@torch.no_grad()
def answered(base: str, adapter: str, talks: list[Any]) -> list[Any]:
    """Return the prompt and the greedy answer of each conversation."""
    tokenizer = AutoTokenizer.from_pretrained(adapter)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, adapter).eval()
    found = []
    for talk in talks:
        prompt = tokenizer.apply_chat_template(talk, add_generation_prompt=True)["input_ids"]
        ids = torch.tensor([prompt])
        out = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False
        )
        said = tokenizer.decode(out[0, len(prompt) :], skip_special_tokens=True)
        found.append((prompt, said))
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
