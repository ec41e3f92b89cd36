"""What the form of a run does about memory: trial steps, and the one change that makes it fit."""

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.components import Component

from storage.ids import LOCAL_PERSON
from studio.advice.plan import Plan
from studio.components import door
from studio.components.form_values import NAMES, sent
from studio.services import plans
from studio.services.studio import Studio
from studio.words import say

_LOOKS_AGAIN = 1.5
"""Seconds between two looks at a trial step under way."""

Show = Callable[[dict[str, Any]], list[Any]]
"""Returns the updates of the whole form for the values of its settings."""


class MemoryPart:
    """The button that makes a run fit, and the clock that looks whether a trial step is done."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self.fix = gr.Button(
            say("train.memory.apply"), visible=False, size="sm", elem_id="make-fit"
        )
        self.clock = gr.Timer(_LOOKS_AGAIN, active=False)

    @property
    def widgets(self) -> list[Component]:
        """What `updates` updates."""
        return [self.fix, self.clock]

    def connect(self, inputs: list[Component], filled: list[Component], show: Show) -> None:
        """Connect the button's event; `filled` is what `show` updates.

        The clock's ticks belong to whoever judges the settings when they change: so no look under
        way says of earlier settings what would stand there at last.
        """

        @door.answered()
        def make_fit(*values: Any) -> list[Any]:
            return show(self.fitting(dict(zip(NAMES, values, strict=True))))

        self.fix.click(make_fit, inputs, filled, show_progress="hidden")

    def fitting(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the settings with the one change with which the run fits, where there is one."""
        takes = plans.plan(self._studio, LOCAL_PERSON, sent(values)).memory
        return values | (takes.change.values if takes and takes.change else {})

    def updates(self, values: dict[str, Any], planned: Plan) -> list[Any]:
        """Return whether a change is offered, and whether to look again; asks for a trial step."""
        takes = planned.memory
        offers = takes is not None and takes.change is not None
        waits = takes is not None and not takes.is_tried and not planned.faults
        if waits:
            waits = plans.try_memory(self._studio, LOCAL_PERSON, sent(values))
        return [gr.update(visible=offers), gr.Timer(active=waits)]
