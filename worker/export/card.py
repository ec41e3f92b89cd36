"""The model card: what the adapter or model was made of, how it went, and how to use it."""

import yaml

from storage import specs
from storage.base_models import Source
from storage.checkpoints import Checkpoint
from worker.export import recipe, safety_section, usage
from worker.training import starting
from worker.training.job import Job

Curve = dict[int, dict[str, float | None]]
"""Values by step, then by name."""

_LEARNED_OTHERWISE = ("pissa", "olora", "loftq")

_CARD = """\
---
{front}---

# {name}

{what}

## How to use it

```python
{usage}
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
{lineage}| Made at step | {step} of {total} |

## How it went

{curve}

All values of every step are in `metrics.jsonl`.

## Settings

| Setting | Value |
|---|---|
{settings}

{repeated}

{safety}
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
        what=_what(job),
        usage=usage.code(job),
        origin=_origin(job),
        licence=_inline(_licence(job) or "unknown: look at the base model"),
        dataset=_inline(job.dataset.name),
        sha256=job.dataset.sha256,
        fingerprint=job.dataset.fingerprint,
        run=job.run.id,
        lineage=_lineage(job),
        step=checkpoint.step,
        total=max(curve, default=checkpoint.step),
        curve=_curve_table(checkpoint, curve),
        repeated=_repeated(job.spec),
        safety=safety_section.section(None, ""),
        settings="\n".join(_setting(job, name) for name in specs.RunSpec.model_fields),
    )


def _lineage(job: Job) -> str:
    """Say what the run went on from, where it did."""
    told = starting.facts(job)
    if not told:
        return ""
    title, run_id, step = (told[f"began_from_{name}"] for name in ("title", "run_id", "step"))
    return f"| Goes on from | {_inline(title)} (run {run_id}, step {step}) |\n"


def _front(job: Job) -> dict[str, object]:
    licence, spec = _licence(job), job.spec
    is_hub, is_whole = job.base.source is Source.HUB, spec.adapter == "full"
    relation = "finetune" if is_whole else "adapter"
    judges = spec.method == "reward"
    return {
        **({"base_model": job.base_name, "base_model_relation": relation} if is_hub else {}),
        "library_name": "transformers" if is_whole else "peft",
        "pipeline_tag": "text-classification" if judges else "text-generation",
        "tags": [*([] if is_whole else [spec.adapter]), spec.method, "trl", "tuning-studio"],
        **({"license": licence} if licence else {}),
    }


def _what(job: Job) -> str:
    """Say what it is, and what it needs to run."""
    base, data = _inline(job.base_name), _inline(job.dataset.name)
    made = f"trained with Tuning Studio on **{data}**."
    if job.spec.adapter == "full":
        return f"**{base}**, all of it {made}\n\nIt is a complete model and needs nothing else."
    kind = kind_of(job.spec)
    needs = "It is an add-on: it needs the base model to run."
    if job.spec.adapter == "adalora" or job.spec.beginning in _LEARNED_OTHERWISE:
        needs += (
            f" It learned as {kind} and is stored as plain LoRA over the original base model, "
            "so that every program reads it."
        )
    return f"{_article(kind)} {kind} adapter for **{base}**, {made}\n\n{needs}"


def _repeated(spec: specs.RunSpec) -> str:
    """Say which files repeat the run, and what one of them cannot say."""
    if spec.method not in recipe.COMMANDS:
        return "The same settings are in `recipe.yaml` (Tuning Studio)."
    command = f"trl {recipe.COMMANDS[spec.method]} --config training_config.yaml"
    missing = recipe.beyond(spec)
    return (
        "The same settings are in `recipe.yaml` (Tuning Studio) and in `training_config.yaml`\n"
        f"(`{command}`, with your data as `data.jsonl`"
        + (f"; TRL's command line does not know {missing})." if missing else ").")
    )


def kind_of(spec: specs.RunSpec) -> str:
    """Return what people call the kind of adapter that a run learned."""
    if spec.adapter != "lora":
        return {"adalora": "AdaLoRA", "ia3": "IA3", "full": "full fine-tuning"}[spec.adapter]
    ways = {"pissa": "PiSSA", "olora": "OLoRA", "eva": "EVA", "loftq": "LoftQ"}
    found = [
        ways.get(spec.beginning, ""),
        "rsLoRA" if spec.use_rslora else "",
        "DoRA" if spec.use_dora else "",
        "LoRA+" if spec.lora_plus_ratio != 1 else "",
    ]
    return " and ".join(filter(None, found)) or "LoRA"


def _article(word: str) -> str:
    return "An" if word[0] in "AEIOr" else "A"


def _origin(job: Job) -> str:
    if job.base.source is Source.HUB or job.spec.adapter == "full":
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
        rows.append(f"\nIts loss in the exam: {checkpoint.eval_loss:.4f}.")
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
