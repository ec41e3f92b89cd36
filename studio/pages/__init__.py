"""The pages, one module each, in the order of the navigation."""

from studio.pages import (
    adapters,
    data,
    home,
    models,
    playground,
    run,
    runs,
    settings,
    train,
)

PAGES = (
    home.PAGE,
    data.PAGE,
    models.PAGE,
    train.PAGE,
    runs.PAGE,
    run.PAGE,
    playground.PAGE,
    adapters.PAGE,
    settings.PAGE,
)
