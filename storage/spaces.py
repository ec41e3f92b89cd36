"""What a sweep varies: a few settings of a run, each over a range or a list of choices."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from storage import combinations, specs
from storage.errors import Fault, Refused
from storage.specs import RunSpec

NUMBERS = (
    "learning_rate", "rank", "alpha", "epochs", "batch_size", "accumulation", "dropout",
    "warmup_ratio", "weight_decay", "neftune_alpha", "lora_plus_ratio", "max_grad_norm",
)  # fmt: skip
"""Settings that have a range; a list of numbers will do too."""

NAMES = ("scheduler", "beginning", "optimizer", "use_dora", "use_rslora")
"""Settings that only have choices."""

VARIED = (*NUMBERS, *NAMES)
"""What a sweep can vary. Beta, the length and the like change the exam itself, so that losses under
two of their values cannot be compared; the seed is no setting to choose by its result."""

MOST_SETTINGS = 4
MOST_CHOICES = 12
MOST_CORNERS = 64


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; `log`: a factor counts, not a difference."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def ends(self) -> tuple[Any, ...]:
        """Return the values that must make sense if all are to."""
        return (self.low, self.high)

    def holds(self, value: Any) -> bool:
        """Tell whether a value is one of the range's."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        inside = self.low <= value <= self.high
        return inside and (self._width is None or _steps(self.low, value, self._width) % 1 == 0)

    def count(self) -> float:
        """Return how many values there are; infinite where the range is fluid."""
        return math.inf if self._width is None else self._most + 1

    def all(self) -> list[Any]:
        """Return every value of a range that is not fluid."""
        width = Decimal(str(self._width))
        kind = type(self.low)
        return [kind(Decimal(str(self.low)) + n * width) for n in range(self._most + 1)]

    @property
    def _width(self) -> float | None:
        """Return how far two values lie apart; whole numbers by one where no step is given."""
        return 1 if self.step is None and isinstance(self.low, int) else self.step

    @property
    def _most(self) -> int:
        return int(_steps(self.low, self.high, self._width or 1))


@dataclass(frozen=True)
class Choices:
    """A list of values to choose from."""

    choices: tuple[Any, ...]

    def ends(self) -> tuple[Any, ...]:
        """Return the values that must make sense if all are to."""
        return self.choices

    def holds(self, value: Any) -> bool:
        """Tell whether a value is one of the list."""
        return value in self.choices

    def count(self) -> float:
        """Return how many values there are."""
        return len(self.choices)

    def all(self) -> list[Any]:
        """Return every value."""
        return list(self.choices)


Space = dict[str, Range | Choices]


def parse(values: object) -> Space:
    """Return the space that `values` describe: by setting `low` and `high`, or `choices`.

    Raises:
        Refused: with every fault at once, by the name of the setting (`space`: of the whole).
    """
    if not isinstance(values, dict) or not 1 <= len(values) <= MOST_SETTINGS:
        words = f"Choose one to {MOST_SETTINGS} settings to vary."
        raise Refused([Fault("space", words)])
    space: Space = {}
    found = []
    for name, given in values.items():
        try:
            space[str(name)] = _dimension(str(name), given)
        except ValueError as error:
            found.append(Fault(str(name), str(error)))
    if found:
        raise Refused(found)
    return space


def plain(space: Space) -> dict[str, Any]:
    """Return a space as it is stored and sent; `parse` reads it."""
    return {name: asdict(dimension) for name, dimension in space.items()}


def applied(spec: RunSpec, values: dict[str, Any]) -> RunSpec:
    """Return the spec with these values; raises Refused.

    The strength keeps its ratio to the room to learn where only the room is varied: else a larger
    room would at once speak more softly, and two things would change.
    """
    given = dict(values)
    if "rank" in given and "alpha" not in given:
        given["alpha"] = spec.alpha / spec.rank * given["rank"]
    return specs.parse({**spec.model_dump(mode="json"), **given})


def values_of(space: Space, spec: RunSpec) -> dict[str, Any]:
    """Return what a spec says of the settings that a space varies."""
    return {name: getattr(spec, name) for name in space}


def holds(space: Space, values: dict[str, Any]) -> bool:
    """Tell whether values lie in a space."""
    return all(dimension.holds(values.get(name)) for name, dimension in space.items())


def count(space: Space) -> float:
    """Return how many different trials a space has room for; infinite where a range is fluid."""
    return math.prod(dimension.count() for dimension in space.values())


def every(space: Space) -> Iterator[dict[str, Any]]:
    """Give all values of a space whose ranges are not fluid."""
    for values in itertools.product(*(dimension.all() for dimension in space.values())):
        yield dict(zip(space, values, strict=True))


def faults(spec: RunSpec, space: Space) -> list[Fault]:
    """List what is wrong with varying a spec over a space, by the name of the setting."""
    found = [*_without_effect(spec, space), *_at_ends(spec, space)] or _at_corners(spec, space)
    return list(dict.fromkeys(found))


def corners(spec: RunSpec, space: Space) -> Iterator[RunSpec]:
    """Give the specs at the ends of every range and choice, in all combinations up to a limit.

    Those that cannot be are left out: `faults` has named them.
    """
    sides = [dimension.ends() for dimension in space.values()]
    for ends in itertools.islice(itertools.product(*sides), MOST_CORNERS):
        try:
            yield applied(spec, dict(zip(space, ends, strict=True)))
        except Refused:
            continue


def _dimension(name: str, given: object) -> Range | Choices:
    """Return one setting's range or choices; a ValueError says in words what is wrong."""
    if name not in VARIED:
        raise ValueError("This setting cannot be varied.")
    if not isinstance(given, dict):
        raise ValueError("Give a range (low, high) or a list of choices.")
    if set(given) == {"choices"}:
        return _choices(given["choices"])
    if name in NAMES:
        raise ValueError("Give a list of choices.")
    if not {"low", "high"} <= set(given) <= {"low", "high", "log", "step"}:
        raise ValueError("Give a range (low, high, and if you like log or step) or choices.")
    return _range(given, whole=specs.field(name).annotation is int)


def _choices(values: object) -> Choices:
    if not isinstance(values, list | tuple) or not 2 <= len(values) <= MOST_CHOICES:
        raise ValueError(f"Give two to {MOST_CHOICES} values to choose from.")
    if not all(isinstance(value, str | int | float) for value in values):
        raise ValueError("Each value to choose from is a number, a word, or yes or no.")
    if len(set(values)) < len(values):
        raise ValueError("Give each value once.")
    return Choices(tuple(values))


def _range(given: dict[str, Any], *, whole: bool) -> Range:
    low, high = _number(given["low"]), _number(given["high"])
    log, step = given.get("log", False), given.get("step")
    step = None if step is None else _number(step)
    if not low < high:
        raise ValueError("The range must go from a smaller number to a larger one.")
    if not isinstance(log, bool):
        raise ValueError("Whether factors count (log) is yes or no.")
    if log and (low <= 0 or step is not None):
        raise ValueError("Where factors count, the range begins above 0 and has no step.")
    if step is not None and not 0 < step <= high - low:
        raise ValueError("The step must be larger than 0 and fit into the range.")
    if whole:
        return _whole_range(low, high, log, step)
    return Range(float(low), float(_last(low, high, step)), log, step and float(step))


def _whole_range(low: float, high: float, log: bool, step: float | None) -> Range:
    if any(number % 1 for number in (low, high, step or 0)):
        raise ValueError("This setting takes whole numbers only.")
    wide = None if log else int(step or 1)
    return Range(int(low), int(_last(low, high, wide)), log, wide)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("The ends of a range and its step are numbers.")
    return value


def _last(low: float, high: float, step: float | None) -> float:
    """Return the last value that steps from `low` reach."""
    if step is None:
        return high
    return float(Decimal(str(low)) + int(_steps(low, high, step)) * Decimal(str(step)))


def _steps(low: float, high: float, step: float) -> Decimal:
    """Return how many steps lie between two numbers as they are written, so that 0.3 / 0.1 is 3."""
    return (Decimal(str(high)) - Decimal(str(low))) / Decimal(str(step))


def _without_effect(spec: RunSpec, space: Space) -> list[Fault]:
    values = spec.model_dump()
    found = [
        Fault(name, "This setting has no effect beside the others.")
        for name in space
        if not specs.applies(name, values)
    ]
    if "epochs" in space and spec.max_steps is not None:
        words = "The number of steps is fixed, so that readings change nothing: leave it empty."
        found.append(Fault("epochs", words))
    if spec.eval_share == 0:
        words = "Trials are compared by their exam: keep a share of the data for it."
        found.append(Fault("eval_share", words))
    return found


def _at_ends(spec: RunSpec, space: Space) -> list[Fault]:
    """Try each end of each setting by itself."""
    found = []
    for name, dimension in space.items():
        for value in dimension.ends():
            try:
                changed = applied(spec, {name: value})
            except Refused as error:
                found += [Fault(name, f"{value}: {fault.message}") for fault in error.faults]
            else:
                found += _broken(changed, name, value)
    return found


def _broken(spec: RunSpec, name: str, value: object) -> list[Fault]:
    """Name what breaks under one value of a setting; what is broken anyway names itself."""
    return [
        Fault(fault.field, fault.message if fault.field == name else f"{value}: {fault.message}")
        for fault in combinations.faults(spec)
    ]


def _at_corners(spec: RunSpec, space: Space) -> list[Fault]:
    return [fault for corner in corners(spec, space) for fault in combinations.faults(corner)]
