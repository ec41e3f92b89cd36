"""What a page is: a title, an address, and a function that builds it."""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from studio.services.studio import Studio


@dataclass(frozen=True)
class Page:
    """One page of the studio. `path` is empty for the home page."""

    title: str
    path: str
    build: Callable[[Studio], None]
    in_navbar: bool = True


def island(name: str) -> None:
    """Place an empty column that the script of the same name in `static/js` draws into."""
    with gr.Column(elem_id=f"island-{name}", elem_classes=["island"]):
        pass


def heading(title: str, lead: str) -> None:
    """Draw a page's title and the sentence that says what the page is for."""
    gr.Markdown(f"# {title}\n\n{lead}", elem_classes=["page-heading"])
