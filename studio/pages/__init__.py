"""The pages, one module each, in the order of the navigation."""

from studio.pages import (
    adapters,
    audit,
    compare,
    conversations,
    data,
    home,
    leaderboard,
    models,
    playground,
    prompts,
    run,
    runs,
    safety,
    settings,
    sweep,
    train,
)

PAGES = (
    home.PAGE,
    data.PAGE,
    models.PAGE,
    train.PAGE,
    runs.PAGE,
    run.PAGE,
    sweep.PAGE,
    compare.PAGE,
    playground.PAGE,
    conversations.PAGE,
    prompts.PAGE,
    leaderboard.PAGE,
    adapters.PAGE,
    settings.PAGE,
    safety.PAGE,
    audit.PAGE,
)
