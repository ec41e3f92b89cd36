"""Chat formats: whether conversations can be written in the one that a run would use."""

from dataclasses import replace
from pathlib import Path

from storage import specs
from storage.base_models import Base
from storage.errors import Fault, StudioError
from storage.specs import RunSpec
from studio.advice.plan import Plan
from worker import tasks


def judged(planned: Plan, spec: RunSpec, model: Base) -> Plan:
    """Return a plan with what is wrong with the chat format, which is tried by the worker."""
    found = faults(spec, model)
    return replace(planned, faults=[*planned.faults, *found]) if found else planned


def faults(spec: RunSpec, model: Base) -> list[Fault]:
    """List what keeps conversations from being written: a broken format, by its field."""
    if not specs.applies("chat_template", spec.model_dump()):
        return []
    broken = (model.facts or {}).get("chat_template_fault")
    if spec.chat_template == "model" and broken:
        words = f"The model's own cannot be used: {broken} Choose another, or write one."
        return [Fault("chat_template", words)]
    if spec.chat_template != "custom" or not spec.custom_template or not model.folder:
        return []
    try:
        tasks.try_template(spec.custom_template, Path(model.folder))
    except StudioError as error:
        return [Fault("custom_template", error.message)]
    return []
