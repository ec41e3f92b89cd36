"""What the hub's refusals mean, in words, and what the person can do about each."""

import errno

import httpx2
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from storage.errors import StudioError


def is_passing(error: Exception) -> bool:
    """Whether the same request may well succeed in a moment."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code >= 500 or error.response.status_code == 429
    return isinstance(error, httpx2.TransportError)


def offline() -> StudioError:
    """Return the error for a studio that was told to stay off the network."""
    return StudioError(
        "The studio is set to work without the internet (HF_HUB_OFFLINE).",
        "Unset HF_HUB_OFFLINE and start the studio again, or add the model from a local folder.",
    )


def in_words(error: Exception, name: str, revision: str | None, *, token: bool) -> StudioError:
    """Translate what the hub library raised.

    Args:
        error: the library's error.
        name: the model that was asked for.
        revision: the version that was asked for; None for the newest.
        token: whether the person has given an access token to the studio.
    """
    if isinstance(error, StudioError):
        return error
    if isinstance(error, GatedRepoError):
        return _gated(name, token=token)
    if isinstance(error, RepositoryNotFoundError):
        return _unknown(name, token=token)
    if isinstance(error, RevisionNotFoundError):
        return StudioError(
            f"The model '{name}' has no version called '{revision}'.",
            "Leave the version empty for the newest one, or copy a branch, tag or commit from "
            "the model's page.",
        )
    if isinstance(error, HfHubHTTPError):
        return _status(error, name)
    if isinstance(error, OfflineModeIsEnabled):
        return offline()
    return _transport(error, name)


def _gated(name: str, *, token: bool) -> StudioError:
    if token:
        return StudioError(
            f"The model '{name}' is gated, and your access token is not allowed to download it.",
            f"Open https://huggingface.co/{name}, sign in with the account of your token, accept "
            "the conditions and wait until access is granted. Then try again.",
        )
    return StudioError(
        f"The model '{name}' is gated: its authors want you to accept their conditions first.",
        f"Open https://huggingface.co/{name}, sign in and accept the conditions. Then make an "
        "access token (hub settings, Access Tokens, type Read) and paste it on the Settings page.",
    )


def _unknown(name: str, *, token: bool) -> StudioError:
    private = (
        "If it is private, check that your access token belongs to an account that may see it."
        if token
        else "If it is private, paste an access token on the Settings page."
    )
    return StudioError(
        f"There is no model called '{name}' on the hub, or it is private.",
        f"Check the spelling: the form is owner/name, as on the model's page. {private}",
    )


def _status(error: HfHubHTTPError, name: str) -> StudioError:
    status = error.response.status_code
    if status == 401:
        return StudioError(
            "The hub does not accept your access token.",
            "It may be mistyped or withdrawn. Paste a new one on the Settings page.",
        )
    if status == 403:
        return StudioError(
            f"The hub does not let you download '{name}'.",
            "Give your access token the right to read this model, or use another token.",
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
