"""The leaderboard page: who answers better by votes, how sure that is, and votes as data."""

from studio.page import Page, heading, island
from studio.services.studio import Studio
from studio.words import say


def build(_studio: Studio) -> None:
    """Draw the page."""
    heading(say("leader.title"), say("leader.lead"))
    island("leaderboard")


PAGE = Page(say("leader.title"), "/leaderboard", build, in_navbar=False)
