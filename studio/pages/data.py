"""The data page: drop files in, see what is usable, look at rows and faults."""

from pathlib import Path

import gradio as gr

from storage.errors import StudioError
from storage.ids import LOCAL_PERSON
from studio.components import door
from studio.page import Page, heading, island
from studio.services import datasets
from studio.services.studio import Studio
from studio.words import say


def build(studio: Studio) -> None:
    """Draw the page."""
    heading(say("data.title"), say("data.lead"))
    upload = gr.File(
        label=say("data.upload"),
        file_count="multiple",
        file_types=[".jsonl"],
        type="filepath",
        elem_id="upload",
        height=150,
    )
    gr.Markdown(say("data.upload_help"), elem_classes=["help"])
    upload.upload(lambda files: receive(studio, files), upload, upload, show_progress="minimal")
    island("datasets")


@door.answered()
def receive(studio: Studio, paths: list[str]) -> None:
    """Store uploaded files and empty the widget; each refusal is told in its own words."""
    for path in map(Path, paths):
        try:
            added = datasets.receive_file(studio, LOCAL_PERSON, path)
            _tell(added.name, path.name)
        except StudioError as error:
            gr.Warning(f"{path.name}: {error}", duration=20)
        finally:
            path.unlink(missing_ok=True)


def _tell(name: str, uploaded: str) -> None:
    same = name == uploaded
    words = say("data.added", name=name) if same else say("data.same", name=uploaded, other=name)
    gr.Info(words)


PAGE = Page(say("nav.data"), "/data", build)
