"""The page of runs side by side, at an address of its own: `/compare?runs=ID,ID`."""

from studio.page import Page, heading, island
from studio.services.studio import Studio
from studio.words import say


def build(_studio: Studio) -> None:
    """Draw the page."""
    heading(say("nav.compare"), say("compare.lead"))
    island("compare")


PAGE = Page(say("nav.compare"), "/compare", build, in_navbar=False)
