"""Recipes: a run's settings in a YAML file, with names and files in place of ids."""

from pathlib import Path
from typing import Any

import yaml

from studio.cli.api import Api
from studio.cli.sending import uploaded
from studio.cli.terminal import Failed


def read(path: Path) -> dict[str, Any]:
    """Return the settings that a recipe names. Raises Failed in words."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Failed(f"{path} is not YAML: {error}") from error
    if not isinstance(found, dict):
        raise Failed(f"{path} must name settings, one a line, such as `rank: 16`.")
    return found


def resolved(api: Api, values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the settings with `dataset`, `base_model` and `teacher_model` turned into ids.

    `dataset` is an id, a name, or a file beside the recipe, which is uploaded; the models are ids
    or names.
    """
    settings = dict(values)
    if "dataset" in settings:
        settings["dataset_id"] = _dataset(api, str(settings.pop("dataset")), folder)
    for name in ("base_model", "teacher_model"):
        if name in settings:
            wanted = str(settings.pop(name))
            settings[f"{name}_id"] = _named(wanted, api.get("/models"), name.replace("_", " "))
    return settings


def _dataset(api: Api, wanted: str, folder: Path) -> str:
    file = folder / Path(wanted).expanduser()
    if file.is_file():
        return str(uploaded(api, file)["id"])
    return _named(wanted, api.get("/datasets"), "dataset or file")


def _named(wanted: str, there: list[dict[str, Any]], kind: str) -> str:
    found = [one for one in there if wanted in (one["id"], one["name"])]
    if not found:
        names = ", ".join(one["name"] for one in there) or "none yet"
        raise Failed(f"There is no {kind} called {wanted}.", f"There are: {names}.")
    return str(found[0]["id"])
