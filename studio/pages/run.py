"""The page of one run, at an address of its own: `/run?run=ID`."""

from studio.page import Page, island
from studio.services.studio import Studio
from studio.words import say


def build(_studio: Studio) -> None:
    """Draw the page."""
    island("run")


PAGE = Page(say("nav.run"), "/run", build, in_navbar=False)
