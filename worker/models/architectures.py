"""Which architectures the installed transformers library knows, read from its source.

Importing its tables imports torch (1.6 s, 300 MB), which this process must never do. The tables are
literals, so Python's own parser reads them from the source file without running it.
"""

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from storage.errors import StudioError


@cache
def known_model_types() -> frozenset[str]:
    """Return every `model_type` that the installed library can load without foreign code."""
    return frozenset(_table("auto_mappings.py", "CONFIG_MAPPING_NAMES")) | {"gpt-sw3"}


@cache
def text_generators() -> dict[str, str]:
    """Return the class that continues text (a causal language model) for each `model_type`."""
    return _table("modeling_auto.py", "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES")


@cache
def encoders() -> frozenset[str]:
    """Return the types that fill gaps in a text (masked language models, such as BERT)."""
    return frozenset(_table("modeling_auto.py", "MODEL_FOR_MASKED_LM_MAPPING_NAMES"))


@cache
def _table(file: str, name: str) -> dict[str, str]:
    tree = ast.parse((_auto_folder() / file).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            assert isinstance(node.value, ast.Call)
            return dict(ast.literal_eval(node.value.args[0]))
    raise StudioError(
        f"The installed transformers library has no table {name}.",
        "Install the version that the studio names in its requirements.",
    )


def _auto_folder() -> Path:
    spec = find_spec("transformers")
    if spec is None or spec.origin is None:
        raise StudioError("The transformers library is not installed.")
    return Path(spec.origin).parent / "models" / "auto"
