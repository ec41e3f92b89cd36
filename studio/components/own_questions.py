"""The button that takes questions to ask on the way out of the chosen data."""

from typing import Any

import gradio as gr
from gradio.components import Component

from storage.errors import NotFound
from storage.ids import LOCAL_PERSON
from studio.components import door, fields
from studio.components.form_values import NAMES
from studio.services import probes
from studio.services.studio import Studio
from studio.words import say

FIELD = "probe_prompts"


class OwnQuestions:
    """A button below the field of the questions."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self.button = gr.Button(say("train.probes.own"), size="sm", elem_id="own-questions")

    def connect(self, widgets: dict[str, Component]) -> None:
        """Let it fill in the field; call once, inside the page."""
        inputs = [widgets[name] for name in NAMES]
        self.button.click(self.take, inputs, widgets[FIELD], show_progress="hidden")

    @door.answered()
    def take(self, *values: Any) -> Any:
        """Return the questions; those that are there stay where none is found."""
        given = dict(zip(NAMES, values, strict=True))
        share = float(given.get("eval_share") or 0)
        try:
            found = probes.proposed(self._studio, LOCAL_PERSON, str(given.get("dataset_id")), share)
        except NotFound:
            found = []
        if not found:
            gr.Warning(say("train.probes.none"))
            return gr.update()
        return gr.update(value=fields.shown(FIELD, found))
