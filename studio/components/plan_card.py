"""The card before Start: what will happen, faults and warnings apart."""

import string

from storage import specs
from storage.errors import Fault
from studio.advice.plan import Plan
from studio.components import memory_card
from studio.words import catalogue, say

_MARKUP = str.maketrans({mark: f"\\{mark}" for mark in string.punctuation})
"""Markdown takes any of these literally behind a backslash; bare addresses become no links."""


def plain(text: str) -> str:
    """Return text so that markdown shows it as it is."""
    return " ".join(text.split()).translate(_MARKUP)


def markdown(plan: Plan) -> str:
    """Return the card's text."""
    parts = [f"### {say('train.plan')}"]
    if plan.faults:
        parts += [f"**{say('train.plan.faults')}**", _bullets(plan.faults)]
    else:
        parts += [f"**{say('train.plan.ok')}**", _table(plan)]
        if plan.steps is None or plan.memory_bytes is None:
            parts.append(say("train.plan.waits"))
        if plan.memory is not None:
            parts.append(memory_card.markdown(plan.memory))
    if plan.warnings:
        parts += [f"**{say('train.plan.warnings')}**", _bullets(plan.warnings)]
    return "\n\n".join(parts)


def reasons(plan: Plan) -> str:
    """Return why the settings are as they are, a sentence each."""
    lines = [
        f"- **{plain(titled(one.field))}: {plain(_named(one.field, one.value))}**. "
        f"{plain(one.words)}"
        for one in plan.reasons
    ]
    return "\n".join(lines) or say("train.why.none")


def _named(field: str, value: object) -> str:
    """Return a setting's value as people say it; of a choice its name without what it does."""
    if value is None:
        return say("run.automatic")
    if isinstance(value, bool):
        return say("train.why.on" if value else "train.why.off")
    words = f"{value:,.6g}" if isinstance(value, int | float) else str(value)
    return catalogue().get(f"train.{field}.{value}", words).partition("\n")[0]


def duration(seconds: float) -> str:
    """Return a length of time as people say it."""
    if seconds < 1.5:
        return say("time.second")
    if seconds < 90:
        return say("time.seconds", n=round(seconds))
    if seconds < 5400:
        return say("time.minutes", n=round(seconds / 60))
    return say("time.hours", n=f"{seconds / 3600:.1f}")


def _bullets(faults: list[Fault]) -> str:
    return "\n".join(
        f"- **{plain(titled(fault.field))}**: {plain(fault.message)}" for fault in faults
    )


def titled(field: str) -> str:
    """Return the plain label of a setting; of what is no setting, its name."""
    declared = specs.RunSpec.model_fields.get(field)
    return declared.title if declared and declared.title else field


def _table(plan: Plan) -> str:
    unknown = say("train.plan.unknown")
    rows = {
        "train.plan.steps": f"{plan.steps:,}" if plan.steps else unknown,
        "train.plan.batch": f"{plan.effective_batch}",
        "train.plan.tokens": f"{plan.tokens:,}" if plan.tokens else unknown,
        "train.plan.time": duration(plan.seconds) if plan.seconds is not None else unknown,
        "train.plan.memory": f"{plan.memory_bytes / 1e9:.1f} GB" if plan.memory_bytes else unknown,
    }
    lines = [f"| {say(key)} | **{value}** |" for key, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines])
