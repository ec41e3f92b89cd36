"""Whether a folder, or a list of files on the hub, is a base model: everything wrong, at once."""

from pathlib import Path

from storage import model_facts, weight_files
from storage.errors import Fault, Refused
from worker.models.config_check import config_faults, tokenizer_faults
from worker.models.weights_check import is_inside, weight_faults

# Formats that run code when they are opened. The studio never opens them, not even to look.
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".joblib")
_OTHER_FORMATS = {".gguf": "GGUF", ".onnx": "ONNX", ".h5": "TensorFlow", ".msgpack": "Flax"}

_GET_SAFETENSORS = (
    "The studio needs safetensors: look on the model's hub page for files that end in "
    ".safetensors, or ask its author for them."
)
_BESIDE_WEIGHTS = ("training_args.bin", "optimizer.pt", "scheduler.pt", "scaler.pt")


class UnusableModel(Refused):
    """A folder or hub model that cannot be a base model; `faults` says everything that is wrong."""

    def __init__(self, what: str, faults: list[Fault]) -> None:
        super().__init__(faults)
        self.message = f"{what} cannot be used as a base model."


def check_folder(folder: Path) -> list[Fault]:
    """List everything that keeps a folder from being a base model; empty where nothing does.

    Reads configuration, tokenizer and the headers of the weights, so that it takes well under a
    second for a model of any size. A fault's field is the file, or `weights` or `tokenizer`.
    """
    names = {path.name for path in folder.iterdir()}
    faults = [*name_faults(names), *_code_faults(names), *_outside_faults(folder)]
    if {fault.field for fault in faults} & names:
        return faults  # links out of the folder, pipes and the like are not even opened
    wrong = config_faults(folder) if "config.json" in names else []
    # Only a sound configuration is worth comparing tokenizer and weights with.
    config = model_facts.read_config(folder) if "config.json" in names and not wrong else None
    faults += [*wrong, *tokenizer_faults(folder, config)]
    if names & {weight_files.SINGLE, weight_files.INDEX}:
        faults += weight_faults(folder, config)
    return list(dict.fromkeys(faults))


def name_faults(names: set[str]) -> list[Fault]:
    """List what can be seen from the file names alone, before anything is opened or downloaded."""
    if "adapter_config.json" in names and "config.json" not in names:
        return [
            Fault(
                "config.json",
                "This is an adapter, not a base model: it only holds the changes to one. "
                "Choose the model that it was made for (base_model_name_or_path in "
                "adapter_config.json).",
            )
        ]
    faults = []
    if "config.json" not in names:
        faults.append(Fault("config.json", "Missing: config.json, which describes the model."))
    if message := _tokenizer_message(names):
        faults.append(Fault("tokenizer", message))
    if not names & {weight_files.SINGLE, weight_files.INDEX}:
        faults.append(Fault("weights", _weights_message(names)))
    return faults


def _tokenizer_message(names: set[str]) -> str | None:
    if "tokenizer.json" in names or {"vocab.json", "merges.txt"} <= names:
        return None
    if "tokenizer.model" in names:
        return (
            "The tokenizer is only there in an older form (tokenizer.model): tokenizer.json is "
            "needed. A newer release of the model usually has it."
        )
    return "Missing: the tokenizer (tokenizer.json, or vocab.json with merges.txt)."


def _weights_message(names: set[str]) -> str:
    suffixes = {Path(name).suffix.lower() for name in names if name not in _BESIDE_WEIGHTS}
    unsafe = sorted(suffixes & set(_PICKLES))
    other = [_OTHER_FORMATS[suffix] for suffix in sorted(suffixes & set(_OTHER_FORMATS))]
    if ".safetensors" in suffixes:
        return (
            f"Missing: {weight_files.SINGLE} or {weight_files.INDEX}. The safetensors files here "
            "have other names, or their index was not copied."
        )
    if unsafe:
        return (
            f"The weights are only there in an unsafe format ({', '.join(unsafe)}) that can run "
            f"code when it is opened. {_GET_SAFETENSORS}"
        )
    if other:
        return f"The weights are only there as {other[0]}, not for training. {_GET_SAFETENSORS}"
    return f"Missing: the weights ({weight_files.SINGLE})."


def _code_faults(names: set[str]) -> list[Fault]:
    code = sorted(name for name in names if name.endswith(".py"))
    if not code:
        return []
    message = (
        f"The folder holds program code ({', '.join(code[:5])}). Code that comes with a model "
        "would run on this machine with all your rights, so the studio refuses it "
        "(trust_remote_code stays off). If the model does not need it, use a copy without it."
    )
    return [Fault("code", message)]


def _outside_faults(folder: Path) -> list[Fault]:
    outside = [
        path.name
        for path in sorted(folder.iterdir())
        if path.exists() and not path.is_dir() and not (path.is_file() and is_inside(folder, path))
    ]
    message = "It is a link to a place outside the model's folder, or no ordinary file."
    return [Fault(name, f"{name}: {message}") for name in outside]
