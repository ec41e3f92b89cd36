"""The catalogue holds every word that a page asks for, and no word that nobody asks for."""

import ast
import re
import string
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest

from storage import audit_files, audit_rules, specs
from storage.audit import STUDIO, Action
from storage.audit_check import Break
from storage.exchanges import MARKS
from storage.ids import LOCAL_PERSON
from storage.mappings import Target
from storage.operations import Operation
from storage.safety_prompts import CATEGORIES, Expect
from storage.status import ACTIVE, RunStatus, WorkStatus
from storage.support import Degree
from studio.advice.diagnosis import Kind
from studio.advice.fitting import Fit
from studio.advice.peak_memory import Parts
from studio.services import prompt_texts
from studio.words import CATALOGUES, catalogue, say
from worker.chat.author import Ended
from worker.chat.exchange import Reason
from worker.datasets.care.personal import KINDS
from worker.datasets.shapes import SHAPES
from worker.evaluation import verdicts

PROJECT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((PROJECT / "static" / "js").glob("*.js"))
MODULES = sorted((PROJECT / "studio").rglob("*.py"))
KEY = re.compile(r"[a-z_]+(\.[a-z0-9_]+)+")
PLACE = re.compile(r"\{.+\}")
LITERAL = re.compile(r"""(["'`])((?:(?!\1).)*)\1""")


def script(name: str) -> str:
    """Return a script's text."""
    return (PROJECT / "static" / "js" / f"{name}.js").read_text("utf-8")


def named(name: str, pattern: str) -> list[str]:
    """Return what a script lists itself."""
    found = re.findall(pattern, script(name), re.DOTALL)
    assert found, f"{name}.js no longer lists {pattern}"
    return found


OPERATIONS = get_args(get_args(Operation)[0])
SMALL_CHARTS = re.findall(r'"(\w+)"', named("run", r"this\.small = \[([^\]]*)\]")[0])
SAMPLING = re.findall(r'\["(\w+)"', named("playground_settings", r"SETTINGS = \[([^;]*)\];")[0])
METHODS = get_args(specs.field("method").annotation)
ADAPTERS = get_args(specs.field("adapter").annotation)
CHARTS = re.findall(r'\["(\w+)", \[([^\]]+)\]\]', named("run_curves", r"CHARTS = \[(.*?)\];")[0])
PROMPTS = get_args(audit_rules.Rules.model_fields["prompts"].annotation)
AXES = re.findall(r'"(\w+)"', named("compare", r"AXES = \[([^\]]*)\]")[0])
COMPARED = re.findall(r'"(\w+)"', named("compare", r"OTHERS = \[([^\]]*)\]")[0])
PLACES: dict[str, Iterable[str]] = {
    "curve.${part}": [part for _, parts in CHARTS for part in re.findall(r"\w+", parts)],
    "more.${name}": [name for name, _ in CHARTS],
    "more.${name}_good": [name for name, _ in CHARTS],
    "loss.${this.run.spec.method}": METHODS,
    "train.method.${method}": METHODS,
    "support.${degree}": list(Degree),
    "adapters.kind.${spec.adapter}": ADAPTERS,
    "adapters.kind.${adapter.adapter}": ADAPTERS,
    "status.${status}": [*RunStatus, *WorkStatus],
    "status.${run.status}": list(RunStatus),
    "run.says.${run.status}": list(RunStatus),
    "run.ended.${this.run.status}": sorted(set(RunStatus) - ACTIVE - {RunStatus.QUEUED}),
    "role.${role}": ["user", "assistant"],
    "home.${key}.title": named("home", r'\bdoor\("(\w+)"'),
    "home.${key}.words": named("home", r'\bdoor\("(\w+)"'),
    "curve.${name}": [*SMALL_CHARTS, *COMPARED, "loss", "eval_loss"],
    "compare.by.${name}": AXES,
    "compare.axis.${axis}": AXES,
    "compare.at.${axis}": AXES,
    "diagnosis.${found.kind}": list(Kind),
    "playground.tab.${name}": named("playground_tabs", r'\["(\w+)", "/'),
    "chat.${name}": SAMPLING,
    "chat.${name}_help": SAMPLING,
    "chat.end.${ended}": [*get_args(Reason), "content_filter"],
    "chat.preset.${name}": named("playground_settings", r'\["(\w+)", \{'),
    "mark.${mark}": MARKS,
    "check.category.${row.category}": [*CATEGORIES, "all"],
    "check.category.${category}": CATEGORIES,
    "check.should.${row.category}": [*CATEGORIES, "all"],
    "check.expect.${found.expect}": get_args(Expect),
    "check.outcome.${found.outcome}": get_args(verdicts.Outcome),
    "evaluation.${status}": [WorkStatus.WAITING, WorkStatus.WORKING],
    "evaluation.side.${name}": re.findall(
        r'"(\w+)"', named("evaluation", r"columns = \[([^\]]*)\]")[0]
    ),
    "table.ended.${answer.ended}": [
        "content_filter",
        *(end for end in get_args(Ended) if end != "stop"),
    ],
    "prompts.understood.${found.layout}": get_args(prompt_texts.Layout),
    "prompts.layout.${name}": ["auto", "lines", "blocks"],
    "prompts.which.${name}": ["first", "held_out"],
    "audit.action.${action}": list(Action),
    "audit.action.${entry.action}": list(Action),
    "audit.actor.${entry.actor}": [LOCAL_PERSON, STUDIO],
    "audit.export.${format}": get_args(audit_files.Kind),
    "audit.broken.${found.broken}": list(Break),
    "audit.prompts.${way}": PROMPTS,
    "audit.prompts.${way}_words": PROMPTS,
    "audit.prompts.${rules.prompts}_words": PROMPTS,
}
"""Every key that a script puts together, and all that can stand in its place."""

NAMED: dict[str, Iterable[str]] = {
    "SHAPES": [*SHAPES, "preference", "kto", "columns", "mixed"],
    "TARGETS": list(Target),
    "OPERATIONS": [operation.model_fields["kind"].default for operation in OPERATIONS],
    "PERSONAL": KINDS,
}
"""The studio's own names that a script has words for, by the table in `data_words.js`."""

FORMS = {
    "check.reason.{reason}": get_args(verdicts.Reason),
    "audit.broken.{found.broken}": list(Break),
    "train.group.{group}": specs.GROUPS[1:],
    "train.{name}.{option}": [
        f"{name}.{option}"
        for name in specs.RunSpec.model_fields
        for option in get_args(specs.field(name).annotation)
        if get_origin(specs.field(name).annotation) is Literal
    ],
    "train.holds.{target}": list(Target),
    "train.memory.{memory.fit}": list(Fit),
    "train.memory.{memory.fit}.badge": list(Fit),
    "train.memory.part.{name}": [*(one.name for one in fields(Parts)), "working"],
}
"""The same for Python."""


def first_arguments(text: str, function: str) -> list[str]:
    """Return the first argument of each call of a function in a script, as it is written."""
    found = []
    for call in re.finditer(rf"(?<![\w.]){function}\(", text):
        depth, at = 0, call.end()
        while depth or text[at] not in ",)":
            depth += {"(": 1, "{": 1, "[": 1, ")": -1, "}": -1, "]": -1}.get(text[at], 0)
            at += 1
        found.append(text[call.end() : at])
    return found


def keys_of_scripts() -> set[str]:
    """Return every key that a script can ask for."""
    found: set[str] = set()
    for path in SCRIPTS:
        for argument in first_arguments(path.read_text("utf-8"), "t"):
            chosen = argument.rsplit("?", 1)[-1] if " ? " in argument else argument
            found.update(*(expanded(key) for _, key in LITERAL.findall(chosen)))
        found.update(key for key in dotted(path.read_text("utf-8")) if key in catalogue())
    return found


def expanded(key: str) -> list[str]:
    """Return a key, or all that it can become where it has a place to fill in."""
    if "${" not in key:
        return [key]
    assert key in PLACES, f"say in PLACES what can stand in {key}"
    return [re.sub(r"\$\{[^}]*\}", value, key) for value in PLACES[key]]


def dotted(text: str) -> list[str]:
    """Return the strings in a script that look like a key."""
    return [key for _, key in LITERAL.findall(text) if KEY.fullmatch(key)]


def keys_of_modules() -> set[str]:
    """Return every key that a module can ask for."""
    found = {PLACE.sub(value, key) for key, values in FORMS.items() for value in values}
    for path in MODULES:
        tree = ast.parse(path.read_text("utf-8"))
        found |= {key for key in strings(tree) if key in catalogue()}
        for call in calls(tree, "say"):
            if not isinstance(call.args[0], ast.JoinedStr):
                found.update(strings(call.args[0]))
    return found


def calls(tree: ast.AST, name: str) -> list[ast.Call]:
    """Return the calls of a function by its name."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rsplit(".", 1)[-1] == name
    ]


def strings(tree: ast.AST) -> list[str]:
    """Return every string that stands in a piece of Python, conditions of choices left out."""
    choices = [node for node in ast.walk(tree) if isinstance(node, ast.IfExp)]
    tests = {id(part) for choice in choices for part in ast.walk(choice.test)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in tests
    ]


def test_every_word_that_a_script_asks_for_is_there() -> None:
    asked = keys_of_scripts()
    assert len(asked) > 150
    assert asked - set(catalogue()) == set()


def test_every_word_that_a_page_asks_for_is_there() -> None:
    asked = keys_of_modules()
    assert len(asked) > 50
    assert asked - set(catalogue()) == set()


@pytest.mark.parametrize("table", NAMED)
def test_every_name_that_comes_from_the_studio_has_words(table: str) -> None:
    written = re.search(rf"const {table} = \{{(.*?)\}};", script("data_words"), re.DOTALL)
    assert written
    assert set(re.findall(r"(\w+): \"", written[1])) == set(NAMED[table])


def test_every_action_can_be_chosen_on_the_audit_page() -> None:
    [listed] = named("audit", r"ACTIONS = \[([^\]]*)\]")
    assert set(re.findall(r"\w+", listed)) == set(Action)


def test_every_word_is_asked_for() -> None:
    assert set(catalogue()) - keys_of_scripts() - keys_of_modules() == set()


def test_a_key_put_together_in_python_is_one_of_those_tried_here() -> None:
    templates = {
        ast.unparse(call.args[0])[2:-1]
        for path in MODULES
        for call in calls(ast.parse(path.read_text("utf-8")), "say")
        if isinstance(call.args[0], ast.JoinedStr)
    }
    assert templates <= set(FORMS)


def test_words_are_words_and_their_places_are_names() -> None:
    for key, words in catalogue().items():
        assert words == words.strip() != "", key
        for _, place, form, conversion in string.Formatter().parse(words):
            assert place is None or re.fullmatch(r"[a-z_]+", place), key
            assert not form, key
            assert conversion is None, key


@pytest.mark.parametrize("path", [*SCRIPTS, *MODULES], ids=lambda path: path.name)
def test_each_place_is_filled_in_where_the_words_are_used(path: Path) -> None:
    text = path.read_text("utf-8")
    pattern = r'\bt\("([\w.]+)"(\)|, \{[^()]*?(?:\([^()]*\)[^()]*?)*\}\))'
    if path.suffix == ".py":
        pattern = r'\bsay\("([\w.]+)"(\)|, [^()]*(?:\([^()]*\)[^()]*)*\))'
    for key, values in re.findall(pattern, text):
        for _, place, _, _ in string.Formatter().parse(catalogue()[key]):
            assert place is None or re.search(rf"\b{place}\b", values), f"{key} lacks {place}"


def test_english_is_there_and_a_language_is_one_file() -> None:
    assert (CATALOGUES / "en.json").is_file()
    assert say("deleted", name="It") == "It was deleted."


def test_a_key_without_words_is_a_mistake_in_the_program() -> None:
    with pytest.raises(KeyError):
        say("no.such.words")


WIDGETS = (
    "heading", "Markdown", "Button", "Tab", "Accordion", "Textbox", "File", "Info", "Warning",
)  # fmt: skip
SPEAKING = {"label", "info", "placeholder", "value"}
PAGES = sorted((PROJECT / "studio" / "pages").glob("*.py"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_page_has_words_of_its_own(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    for call in (one for name in WIDGETS for one in calls(tree, name)):
        spoken = [*call.args, *(word.value for word in call.keywords if word.arg in SPEAKING)]
        keys = {key for part in spoken for inner in calls(part, "say") for key in strings(inner)}
        own = [text for part in spoken for text in strings(part) if text not in keys]
        assert not [text for text in own if re.search(r"[A-Za-z]{2}", text)], ast.unparse(call)
