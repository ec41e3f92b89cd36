"""Adapters: list, download as a zip, delete and bring back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from storage import adapters, archives, audit, owned, run_lists
from storage.adapters import Adapter
from storage.audit import Action
from storage.errors import StudioError
from storage.tables import AdapterRow
from studio.services import model_cards, names, profile_travel
from studio.services.studio import Studio


def listing(studio: Studio, owner: str, *, deleted: bool = False) -> list[Adapter]:
    """Return a person's adapters, newest first."""
    return adapters.all_of(studio.database, owner, deleted=deleted)


def page(
    studio: Studio, owner: str, most: int, words: str = "", *, deleted: bool = False
) -> tuple[list[Adapter], int]:
    """Return a person's newest adapters with words in their name, and how many there are in all."""
    return adapters.newest(studio.database, owner, most, words, deleted=deleted)


def get(studio: Studio, owner: str, adapter_id: str) -> Adapter:
    """Return one adapter. Raises NotFound."""
    return adapters.get(studio.database, owner, adapter_id)


def settings(studio: Studio, owner: str, run_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the `method` and the `adapter` of runs, deleted ones too, by the run's id."""
    return run_lists.settings(studio.database, owner, ("method", "adapter"), run_ids)


@contextmanager
def download(studio: Studio, owner: str, adapter_id: str) -> Iterator[tuple[Path, str]]:
    """Give a zip of an adapter in PEFT's layout, and the name to offer for it.

    The file is removed when the block ends; whoever has opened it by then reads on.

    Raises:
        NotFound: there is no such adapter of that owner.
        StudioError: its files are gone.
    """
    found = get(studio, owner, adapter_id)
    folder = studio.artifacts.adapter(adapter_id)
    if not folder.is_dir():
        raise StudioError(f"The files of {found.name} are gone.", "Train the run again.")
    name = f"adapter:{adapter_id}"
    card = model_cards.of(studio, owner, name, folder)
    written = profile_travel.with_profile(studio, owner, name, card)
    with archives.zip_of(studio.artifacts, folder, written) as path:
        told = {"name": found.name, "sha256": found.sha256}
        audit.noted(studio.database, owner, Action.DOWNLOADED, adapter_id, told)
        yield path, names.for_download(found.name, ".zip")


def delete(studio: Studio, owner: str, adapter_id: str) -> None:
    """Delete an adapter from view; `restore` brings it back. Raises NotFound."""
    owned.mark_deleted(studio.database, AdapterRow, owner, adapter_id, deleted=True)


def restore(studio: Studio, owner: str, adapter_id: str) -> None:
    """Bring a deleted adapter back. Raises NotFound."""
    owned.mark_deleted(studio.database, AdapterRow, owner, adapter_id, deleted=False)
