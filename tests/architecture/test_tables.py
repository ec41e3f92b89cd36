"""README's tables of what trains with what are those of the cells that the tests train."""

from pathlib import Path

from tests.worker.training import tables

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- tables: python -m tests.worker.training.tables -->", "<!-- end of tables -->"


def test_the_tables_of_the_readme_are_those_that_are_tested() -> None:
    shown = README.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    assert shown.strip() == tables.markdown()
