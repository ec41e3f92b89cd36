"""Base models: add from a folder, the hub or the starter; list, delete and bring back."""

from storage import artifacts, audit, base_models, owned, work
from storage import support as degrees
from storage.audit import Action
from storage.base_models import Base, Source
from storage.errors import Fault, Refused
from storage.ids import LOCAL_PERSON
from storage.model_facts import ModelFacts
from storage.status import WorkStatus
from storage.support import Support
from storage.tables import BaseModelRow
from studio.services import names
from studio.services.studio import Studio

STARTER_NAME = "Starter model (everyday health)"


def add_folder(studio: Studio, owner: str, path: str, name: str = "") -> Base:
    """Add a model folder on this machine; the worker checks it. Raises Refused."""
    given = path.strip()
    if not given:
        raise Refused([Fault("reference", "Type the folder's full path.")])
    shown = names.tidy(name or given.rstrip("/").rsplit("/", 1)[-1], "Local model")
    return _add(studio, owner, shown, Source.FOLDER, given)


def add_hub(
    studio: Studio, owner: str, reference: str, revision: str | None = None, name: str = ""
) -> Base:
    """Add a model from the hub by its name, such as `owner/name`. Raises Refused."""
    given = reference.strip()
    if not given:
        raise Refused([Fault("reference", "Type the model's name, such as owner/name.")])
    shown = names.tidy(name or given, "Model from the hub")
    return _add(studio, owner, shown, Source.HUB, given, revision)


def add_starter(studio: Studio, owner: str) -> Base:
    """Return the starter model; where it is not there yet, or failed, the worker builds it."""
    return _add(studio, owner, STARTER_NAME, Source.STARTER, "starter")


def listing(studio: Studio, owner: str, *, deleted: bool = False) -> list[Base]:
    """Return a person's base models, newest first."""
    return base_models.all_of(studio.database, owner, deleted=deleted)


def get(studio: Studio, owner: str, base_model_id: str) -> Base:
    """Return one base model. Raises NotFound."""
    return base_models.get(studio.database, owner, base_model_id)


def facts(model: Base) -> ModelFacts | None:
    """Return what is known of a model's architecture; None until it is ready."""
    return ModelFacts.model_validate(model.facts) if model.facts else None


def support(model: Base) -> Support | None:
    """Return how far a model is supported, and why; None until it is ready."""
    known = facts(model)
    return degrees.of(known) if known else None


def delete(studio: Studio, owner: str, base_model_id: str) -> None:
    """Delete a base model from view; `restore` brings it back. Raises NotFound."""
    owned.mark_deleted(studio.database, BaseModelRow, owner, base_model_id, deleted=True)


def restore(studio: Studio, owner: str, base_model_id: str) -> None:
    """Bring a deleted base model back. Raises NotFound."""
    owned.mark_deleted(studio.database, BaseModelRow, owner, base_model_id, deleted=False)


def retry(studio: Studio, owner: str, base_model_id: str) -> None:
    """Let the worker try a failed model again; a download goes on. Raises NotFound, StudioError."""
    work.retry(studio.database, BaseModelRow, base_model_id, owner)
    studio.doorbell.ring()


def save_hub_token(studio: Studio, token: str) -> None:
    """Keep the token for gated models in a private file; an empty one removes it."""
    told = {"given": bool(token.strip())}
    audit.noted(studio.database, LOCAL_PERSON, Action.SETTINGS_CHANGED, "hub token", told)
    artifacts.write_private(studio.settings.token_file, token.strip())


def has_hub_token(studio: Studio) -> bool:
    """Tell whether a token for gated models is there; it is never shown again."""
    return studio.settings.hub_token() is not None


def _add(
    studio: Studio,
    owner: str,
    name: str,
    source: Source,
    reference: str,
    revision: str | None = None,
) -> Base:
    asked = (source, reference, revision)
    there = listing(studio, owner)
    known = next((m for m in there if (m.source, m.reference, m.revision) == asked), None)
    if known is not None:
        if known.status is WorkStatus.FAILED:
            retry(studio, owner, known.id)
        return get(studio, owner, known.id)
    added = base_models.add(studio.database, owner, name, source, reference, revision)
    studio.doorbell.ring()
    return added
