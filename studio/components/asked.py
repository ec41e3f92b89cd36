"""The changes that an address asks for in a copied run: `set=learning_rate:0.0001,epochs:2`."""

from storage import specs
from storage.errors import Refused
from storage.specs import RunSpec
from studio.components import plan_card
from studio.components.form_values import TUNED
from studio.words import say


def changed(spec: RunSpec, asked: str | None) -> RunSpec:
    """Return a run's settings with the changes of an address; without any that are not settings.

    Changes that do not go together with each other or the limits are left out altogether.
    """
    given = dict(pair.split(":", 1) for pair in (asked or "").split(",") if ":" in pair)
    tuned = {name: value for name, value in given.items() if name in TUNED}
    try:
        return specs.parse({**spec.model_dump(mode="json"), **tuned})
    except Refused:
        return spec


def told(before: RunSpec, after: RunSpec) -> str:
    """Return in markdown which settings were changed, from what to what; empty: none."""
    old, new = before.model_dump(), after.model_dump()
    lines = [
        f"{plan_card.plain(plan_card.titled(name))}: {_shown(old[name])} → **{_shown(new[name])}**"
        for name in TUNED
        if old[name] != new[name]
    ]
    return f"{say('train.asked')} {'; '.join(lines)}." if lines else ""


def _shown(value: object) -> str:
    words = f"{value:g}" if isinstance(value, float) else str(value)
    return plan_card.plain(words)
