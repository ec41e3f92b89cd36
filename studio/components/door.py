"""The door between a page's handlers and the person: every error leaves it in plain words."""

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from storage.errors import StudioError
from studio import mishaps


@contextmanager
def answered() -> Iterator[None]:
    """Show what goes wrong in the block as a notice on the page; also a decorator of handlers.

    Raises:
        gr.Error: the sentence and the hint of a StudioError, or an id to quote for anything else.
    """
    try:
        yield
    except gr.Error:
        raise
    except StudioError as error:
        raise _notice(error) from error
    except Exception as error:  # the outermost door of a page: the person gets an id to quote
        raise _notice(mishaps.told(error, page=True)) from error


def _notice(error: StudioError) -> gr.Error:
    return gr.Error(str(error), duration=20, print_exception=False)
