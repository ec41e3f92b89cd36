"""Questions in sets, put to several models at once: `/prompts?set=ID`, `/prompts?evaluation=ID`."""

from studio.page import Page, heading, island
from studio.services.studio import Studio
from studio.words import say


def build(_studio: Studio) -> None:
    """Draw the page."""
    heading(say("prompts.title"), say("prompts.lead"))
    island("prompts")


PAGE = Page(say("prompts.title"), "/prompts", build, in_navbar=False)
