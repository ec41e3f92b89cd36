"""The runs page: what trains, what waits in which order, what has ended."""

from studio.page import Page, heading, island
from studio.services.studio import Studio
from studio.words import say


def build(_studio: Studio) -> None:
    """Draw the page."""
    heading(say("runs.title"), say("runs.lead"))
    island("runs")


PAGE = Page(say("nav.runs"), "/runs", build)
