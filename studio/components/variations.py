"""The button beside Start that hands the form's settings to the script that asks what to vary."""

import json
import secrets
from typing import Any

import gradio as gr
from gradio.components import Component

from studio.components import door
from studio.components.form_values import NAMES, sent
from studio.words import say


class Variations:
    """The button, and where the script `sweep_form.js` finds the settings.

    They stand in the page as hexadecimal digits, which nothing takes for markup, behind a word that
    is new with each press.
    """

    def __init__(self) -> None:
        self.button = gr.Button(say("train.vary"), elem_id="vary")
        self.asked = gr.Markdown(elem_id="vary-asked", elem_classes=["ts-hidden"])

    def connect(self, inputs: list[Component]) -> None:
        """Let the button hand over what these widgets show; call once, inside the page."""
        self.button.click(self.ask, inputs, self.asked, show_progress="hidden")

    @door.answered()
    def ask(self, *values: Any) -> str:
        """Return the settings as they would be sent to start a run."""
        given = json.dumps(sent(dict(zip(NAMES, values, strict=True))))
        return f"{secrets.token_hex(4)}-{given.encode().hex()}"
