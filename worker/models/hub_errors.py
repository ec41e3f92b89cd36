"""What the hub's refusals mean, in words, and what the person can do about each."""

import errno
from typing import Literal

import httpx2
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from storage.errors import StudioError

Kind = Literal["model", "dataset"]
"""What is asked for on the hub."""

_PATHS: dict[Kind, str] = {"model": "", "dataset": "datasets/"}
"""What stands before the name in the address of its page."""


def is_passing(error: Exception) -> bool:
    """Whether the same request may well succeed in a moment."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code >= 500 or error.response.status_code == 429
    return isinstance(error, httpx2.TransportError)


def offline(kind: Kind = "model") -> StudioError:
    """Return the error for a studio that was told to stay off the network."""
    other = "add the model from a local folder" if kind == "model" else "upload the dataset's files"
    return StudioError(
        "The studio is set to work without the internet (HF_HUB_OFFLINE).",
        f"Unset HF_HUB_OFFLINE and start the studio again, or {other}.",
    )


def in_words(
    error: Exception, name: str, revision: str | None, *, token: bool, kind: Kind = "model"
) -> StudioError:
    """Translate what the hub library raised.

    Args:
        error: the library's error.
        name: the model or dataset that was asked for.
        revision: the version that was asked for; None for the newest.
        token: whether the person has given an access token to the studio.
        kind: whether `name` is a model or a dataset.
    """
    if isinstance(error, StudioError):
        return error
    if isinstance(error, GatedRepoError):
        return _gated(name, kind, token=token)
    if isinstance(error, RepositoryNotFoundError):
        return _unknown(name, kind, token=token)
    if isinstance(error, RevisionNotFoundError):
        return StudioError(
            f"The {kind} '{name}' has no version called '{revision}'.",
            "Leave the version empty for the newest one, or copy a branch, tag or commit from "
            f"the {kind}'s page.",
        )
    if isinstance(error, HfHubHTTPError):
        return _status(error, name, kind)
    if isinstance(error, OfflineModeIsEnabled):
        return offline(kind)
    return _transport(error, name)


def _gated(name: str, kind: Kind, *, token: bool) -> StudioError:
    page = f"https://huggingface.co/{_PATHS[kind]}{name}"
    if token:
        return StudioError(
            f"The {kind} '{name}' is gated, and your access token is not allowed to download it.",
            f"Open {page}, sign in with the account of your token, accept "
            "the conditions and wait until access is granted. Then try again.",
        )
    return StudioError(
        f"The {kind} '{name}' is gated: its authors want you to accept their conditions first.",
        f"Open {page}, sign in and accept the conditions. Then make an "
        "access token (hub settings, Access Tokens, type Read) and paste it on the Settings page.",
    )


def _unknown(name: str, kind: Kind, *, token: bool) -> StudioError:
    private = (
        "If it is private, check that your access token belongs to an account that may see it."
        if token
        else "If it is private, paste an access token on the Settings page."
    )
    return StudioError(
        f"There is no {kind} called '{name}' on the hub, or it is private.",
        f"Check the spelling: the form is owner/name, as on the {kind}'s page. {private}",
    )


def _status(error: HfHubHTTPError, name: str, kind: Kind) -> StudioError:
    status = error.response.status_code
    if status == 401:
        return StudioError(
            "The hub does not accept your access token.",
            "It may be mistyped or withdrawn. Paste a new one on the Settings page.",
        )
    if status == 403:
        return StudioError(
            f"The hub does not let you download '{name}'.",
            f"Give your access token the right to read this {kind}, or use another token.",
        )
    if status == 429:
        return StudioError("The hub asks for a pause: too many requests.", "Try again later.")
    return StudioError(
        f"The hub answered with an error ({status}) when asked for '{name}'.",
        "Try again later; what has arrived is kept.",
    )


def _transport(error: Exception, name: str) -> StudioError:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return StudioError(
            f"The disk is full; '{name}' did not fit.",
            "Free some space and try again; what has arrived is kept.",
        )
    if isinstance(error, PermissionError):
        return StudioError(f"The studio may not write to {error.filename}.")
    return StudioError(
        f"The hub cannot be reached, or the connection broke while downloading '{name}'.",
        "Check the network connection and try again; what has arrived is kept.",
    )
