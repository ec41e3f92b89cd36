"""Presets of one's own on the Train page: choose, keep the present settings, delete, bring back."""

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.components import Component

from storage.ids import LOCAL_PERSON
from studio.components import door
from studio.components.form_values import NAMES, sent
from studio.services import presets
from studio.services.studio import Studio
from studio.words import say

Show = Callable[[dict[str, Any]], list[Any]]
"""Returns an update of every widget of the form for values by name."""


class OwnPresets:
    """A list of the person's presets below the three of the studio, and what can be done."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        with gr.Accordion(say("presets.title"), open=False, elem_id="own-presets"):
            self.chosen = gr.Dropdown(
                [], label=say("presets.choose"), info=say("presets.help"), interactive=True
            )
            with gr.Row():
                self.remove = gr.Button(say("presets.delete"), size="sm", interactive=False)
                self.undo = gr.Button(say("presets.undo"), size="sm", visible=False)
            self.name = gr.Textbox(label=say("presets.name"), max_lines=1, max_length=120)
            self.add = gr.Button(say("presets.keep"), size="sm")
            self.deleted = gr.Textbox(
                label=say("presets.undo"),
                visible=False,  # a State keeps a stream open on every page
            )

    def connect(
        self, page: gr.Blocks, inputs: list[Component], filled: list[Component], show: Show
    ) -> None:
        """Connect the widgets' events; call once, inside the page.

        Args:
            page: that they stand on.
            inputs: the form's widgets in the order of the settings.
            filled: what `show` updates.
            show: fills the form.
        """

        def use(preset_id: str | None, *values: Any) -> list[Any]:
            return show(self.filled(preset_id, values))

        seen = [self.chosen, self.remove, self.undo, self.deleted]
        page.load(self.open, None, seen, show_progress="hidden")
        self.chosen.input(
            door.answered()(use), [self.chosen, *inputs], filled, show_progress="hidden"
        ).then(self.choose, self.chosen, self.remove, show_progress="hidden")
        self.add.click(self.keep, [self.name, *inputs], [*seen, self.name])
        self.remove.click(self.delete, self.chosen, seen)
        self.undo.click(self.restore, self.deleted, seen)

    def filled(self, preset_id: str | None, values: tuple[Any, ...]) -> dict[str, Any]:
        """Return the form's values with those of a preset in their place. Raises NotFound."""
        given = dict(zip(NAMES, values, strict=True))
        if not preset_id:
            return given
        return {**given, **presets.get(self.studio, LOCAL_PERSON, preset_id).settings}

    @door.answered()
    def open(self) -> list[Any]:
        """List the presets; none is chosen."""
        return self._seen(None)

    def choose(self, preset_id: str | None) -> Any:
        """Let the chosen preset be deleted."""
        return gr.update(interactive=bool(preset_id))

    @door.answered()
    def keep(self, name: str, *values: Any) -> list[Any]:
        """Keep the settings that the form shows, and choose the new preset."""
        given = sent(dict(zip(NAMES, values, strict=True)))
        settings = presets.settings_of(given)
        made = presets.keep(self.studio, LOCAL_PERSON, name, settings)
        gr.Info(say("presets.kept", name=made.name))
        return [*self._seen(made.id), gr.update(value="")]

    @door.answered()
    def delete(self, preset_id: str | None) -> list[Any]:
        """Delete the chosen preset; the form stays as it is."""
        if preset_id:
            presets.delete(self.studio, LOCAL_PERSON, preset_id)
        return self._seen(None, deleted=preset_id or "")

    @door.answered()
    def restore(self, deleted: str) -> list[Any]:
        """Bring the deleted preset back."""
        presets.restore(self.studio, LOCAL_PERSON, deleted)
        return self._seen(deleted)

    def _seen(self, chosen: str | None, deleted: str = "") -> list[Any]:
        """Return updates of the list and of the buttons, and what can be brought back."""
        found = presets.listing(self.studio, LOCAL_PERSON)
        return [
            gr.update(choices=[(one.name, one.id) for one in found], value=chosen),
            gr.update(interactive=chosen is not None),
            gr.update(visible=bool(deleted)),
            deleted,
        ]
