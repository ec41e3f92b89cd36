"""The page of one sweep, at an address of its own: `/sweep?sweep=ID`."""

from studio.page import Page, island
from studio.services.studio import Studio
from studio.words import say


def build(_studio: Studio) -> None:
    """Draw the page."""
    island("sweep")


PAGE = Page(say("nav.sweep"), "/sweep", build, in_navbar=False)
