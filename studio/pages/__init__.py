"""The pages, one module each, in the order of the navigation."""

from studio.pages import (
    adapters,
    audit,
    compare,
    conversations,
    data,
    home,
    models,
    playground,
    prompts,
    run,
    runs,
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
    adapters.PAGE,
    settings.PAGE,
    audit.PAGE,
)
