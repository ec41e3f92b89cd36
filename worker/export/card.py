"""The model card: what the adapter was made of, how it went, and how to use it."""

import json

import yaml

from storage import specs
from storage.base_models import Source
from storage.checkpoints import Checkpoint
from worker.training.job import Job

Curve = dict[int, dict[str, float | None]]
"""Values by step, then by name."""

_CARD = """\
---
{front}---

# {name}

A LoRA adapter for **{base}**, trained with Tuning Studio on **{dataset}**.

It is an add-on: it needs the base model to run.

## How to use it

```python
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base = AutoModelForCausalLM.from_pretrained({base_code})
model = PeftModel.from_pretrained(base, "path/to/this/folder")
tokenizer = AutoTokenizer.from_pretrained("path/to/this/folder")

messages = [{{"role": "user", "content": "Your question"}}]
inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt")
answer = model.generate(**inputs, max_new_tokens=200)
print(tokenizer.decode(answer[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))
```
{origin}
## What it was made of

| | |
|---|---|
| Base model | {base} |
| Licence of the base model | {licence} |
| Data | {dataset} |
| Data, SHA-256 of the file | `{sha256}` |
| Data, SHA-256 of the rows learned from | `{fingerprint}` |
| Run | {run} |
| Made at step | {step} of {total} |

## How it went

{curve}

All values of every step are in `metrics.jsonl`.

## Settings

| Setting | Value |
|---|---|
{settings}

The same settings are in `recipe.yaml` (Tuning Studio) and in `training_config.yaml`
(`trl sft --config training_config.yaml`, with your data as `data.jsonl`).

## Limits

The answers are made by a language model and can be wrong, also where they sound certain. Check
them before you rely on them. This is not a medical device: it must not be used to diagnose or to
treat, and it does not replace the advice of a qualified person.
"""


def model_card(job: Job, checkpoint: Checkpoint, curve: Curve) -> str:
    """Return the card as Markdown with the front matter that model hubs read."""
    return _CARD.format(
        front=yaml.safe_dump(_front(job), sort_keys=False, allow_unicode=True),
        name=_inline(job.run.name),
        base=_inline(job.base_name),
        base_code=json.dumps(job.base_name),
        origin=_origin(job),
        licence=_inline(_licence(job) or "unknown: look at the base model"),
        dataset=_inline(job.dataset.name),
        sha256=job.dataset.sha256,
        fingerprint=job.dataset.fingerprint,
        run=job.run.id,
        step=checkpoint.step,
        total=max(curve, default=checkpoint.step),
        curve=_curve_table(checkpoint, curve),
        settings="\n".join(_setting(job, name) for name in specs.RunSpec.model_fields),
    )


def _front(job: Job) -> dict[str, object]:
    licence = _licence(job)
    is_hub = job.base.source is Source.HUB
    return {
        **({"base_model": job.base_name} if is_hub else {}),
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "tags": ["lora", "sft", "trl", "tuning-studio"],
        **({"license": licence} if licence else {}),
    }


def _origin(job: Job) -> str:
    if job.base.source is Source.HUB:
        return ""
    return (
        f"\n{_inline(job.base_name)} is no model of a hub: put the path of its folder in place of "
        "the name.\n"
    )


def _licence(job: Job) -> str | None:
    return (job.base.facts or {}).get("licence")


def _curve_table(checkpoint: Checkpoint, curve: Curve) -> str:
    rows = ["| Curve | First | Last | Lowest |", "|---|---|---|---|"]
    for name, words in (("loss", "Loss"), ("eval_loss", "Loss in the exam")):
        values = [point[name] for point in curve.values() if point.get(name) is not None]
        numbers = [value for value in values if value is not None]
        if numbers:
            cells = (numbers[0], numbers[-1], min(numbers))
            rows.append(f"| {words} | " + " | ".join(f"{cell:.4f}" for cell in cells) + " |")
    if checkpoint.eval_loss is not None:
        rows.append(f"\nThis adapter's loss in the exam: {checkpoint.eval_loss:.4f}.")
    return "\n".join(rows)


def _setting(job: Job, name: str) -> str:
    declared, value = specs.field(name), getattr(job.spec, name)
    words = ", ".join(value) if isinstance(value, tuple) else value
    return f"| {declared.title} (`{name}`) | {_inline(str(words))} |"


def _inline(text: str) -> str:
    """Return a person's text so that Markdown shows it as it is, on one line."""
    special = "\\`*_{}[]<>#|~"
    return "".join(
        f"\\{letter}" if letter in special else letter for letter in " ".join(text.split())
    )
