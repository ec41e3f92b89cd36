"""The models page: add a base model from a folder or the hub, and see what is known of each."""

from collections.abc import Callable

import gradio as gr

from storage.base_models import Base
from storage.errors import StudioError
from storage.ids import LOCAL_PERSON
from studio.components import door
from studio.page import Page, heading, island
from studio.services import base_models
from studio.services.studio import Studio
from studio.words import say


def build(studio: Studio) -> None:
    """Draw the page."""
    heading(say("models.title"), say("models.lead"))
    island("models")
    gr.Markdown(f"### {say('models.add')}")
    with gr.Tab(say("models.from_hub")):
        name = gr.Textbox(label=say("models.hub"), info=say("models.hub_help"), max_length=200)
        revision = gr.Textbox(
            label=say("models.revision"), info=say("models.revision_help"), max_length=100
        )
        add_hub = gr.Button(say("models.add_hub"), variant="primary")
    with gr.Tab(say("models.from_folder")):
        folder = gr.Textbox(
            label=say("models.folder"), info=say("models.folder_help"), max_length=1000
        )
        add_folder = gr.Button(say("models.add_folder"), variant="primary")
    gr.Markdown(say("models.safety"), elem_classes=["help"])
    add_hub.click(
        lambda given, at: _add(
            given, lambda: base_models.add_hub(studio, LOCAL_PERSON, given, at.strip() or None)
        ),
        [name, revision],
        name,
    )
    add_folder.click(
        lambda given: _add(given, lambda: base_models.add_folder(studio, LOCAL_PERSON, given)),
        folder,
        folder,
    )


@door.answered()
def _add(given: str, add: Callable[[], Base]) -> str:
    """Add a model and empty the field; what is refused stays in the field."""
    try:
        gr.Info(say("models.added", name=add().name))
    except StudioError as error:
        gr.Warning(str(error))
        return given
    return ""


PAGE = Page(say("nav.models"), "/models", build)
