"""The data page: take files in, see what is usable, look at rows and faults, make new versions."""

from studio.page import Page, heading, island
from studio.services.studio import Studio
from studio.words import say


def build(_studio: Studio) -> None:
    """Draw the page."""
    heading(say("data.title"), say("data.lead"))
    island("datasets")


PAGE = Page(say("nav.data"), "/data", build)
