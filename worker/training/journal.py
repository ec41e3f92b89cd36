"""The log of a run: plain lines with the time, for the person who reads them on the page."""

import logging
import sys
import warnings

import datasets
import transformers

journal = logging.getLogger("studio.run")
"""Write to it what a person should read in the run's log."""


def open_journal() -> None:
    """Let the journal go to standard output, and keep the libraries' chatter out of it."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%Y-%m-%d %H:%M:%S"))
    journal.handlers = [handler]
    journal.propagate = False
    journal.setLevel(logging.INFO)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    for category in (FutureWarning, DeprecationWarning):  # for programmers, not for people
        warnings.simplefilter("ignore", category)
