"""What to try around the settings of a run: for each that can be varied, a range or choices."""

from collections.abc import Callable
from typing import Any, Final

from storage import specs
from storage.spaces import VARIED
from storage.specs import RunSpec

FIRST: Final = ("learning_rate", "rank")
"""These two matter most, and are proposed to somebody who has not chosen yet."""


def proposed(spec: RunSpec) -> dict[str, dict[str, Any]]:
    """Return for each setting with an effect what to try, as `storage.spaces` reads it."""
    values = spec.model_dump()
    fixed = ("epochs",) if spec.max_steps is not None else ()
    return {
        name: _PROPOSALS[name](values[name])
        for name in VARIED
        if specs.applies(name, values) and name not in fixed
    }


def _factor(by: float, most: float) -> Callable[[float], dict[str, Any]]:
    """Return a proposal from a `by`-th of the value to `by` times as much, but at most `most`."""

    def propose(value: float) -> dict[str, Any]:
        return {"low": _short(value / by), "high": _short(min(value * by, most)), "log": True}

    return propose


def _doubled(least: int, most: int) -> Callable[[int], dict[str, Any]]:
    """Return a proposal of half, as much, and twice, within limits."""

    def propose(value: int) -> dict[str, Any]:
        found = {min(max(each, least), most) for each in (value // 2, value, value * 2)}
        return {"choices": sorted(found)}

    return propose


def _up_to(usual: float) -> Callable[[float], dict[str, Any]]:
    """Return a proposal from nothing to what is usual, or to twice the value."""

    def propose(value: float) -> dict[str, Any]:
        return {"low": 0.0, "high": _short(max(usual, min(2 * value, 0.9 if usual < 1 else 100)))}

    return propose


def _epochs(value: float) -> dict[str, Any]:
    if value < 2:
        return {"low": _short(value / 2), "high": _short(value * 2)}
    return {"low": float(max(1, round(value / 2))), "high": float(round(value * 2)), "step": 1.0}


def _among(*usual: Any) -> Callable[[Any], dict[str, Any]]:
    """Return a proposal of some usual choices and the value that is set."""
    return lambda value: {"choices": list(dict.fromkeys([value, *usual]))}


def _short(value: float) -> float:
    return float(f"{value:.2g}")


_PROPOSALS: Final[dict[str, Callable[[Any], dict[str, Any]]]] = {
    "learning_rate": _factor(5, 1),
    "rank": _doubled(1, 1024),
    "alpha": _factor(2, 4096),
    "epochs": _epochs,
    "batch_size": _doubled(1, 1024),
    "accumulation": _doubled(1, 4096),
    "dropout": _up_to(0.2),
    "warmup_ratio": _up_to(0.2),
    "weight_decay": _up_to(0.1),
    "neftune_alpha": _up_to(10),
    "lora_plus_ratio": lambda value: {"choices": sorted({1.0, 4.0, 16.0, float(value)})},
    "max_grad_norm": _factor(3, 1000),
    "scheduler": _among("cosine", "linear", "constant_with_warmup"),
    "beginning": _among("default", "orthogonal"),
    "optimizer": _among("adamw_torch", "adafactor"),
    "use_dora": _among(False, True),
    "use_rslora": _among(False, True),
}
