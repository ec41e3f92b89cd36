"""What is finished is found again, and counts for that very work alone."""

from contextlib import closing
from pathlib import Path

from worker.answer_journal import Journal


def test_what_is_kept_counts_for_that_very_work_alone(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    with closing(Journal(file, {"seed": 1})) as first:
        first.add(3, "written", "Yes.")
    with closing(Journal(file, {"seed": 1})) as again:
        assert 3 in again
        assert again.get(3) == ("written", "Yes.")
    with closing(Journal(file, {"seed": 2})) as other:
        assert len(other) == 0


def test_a_line_that_a_death_tore_apart_is_written_again(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    with closing(Journal(file, {})) as first:
        first.add(0, "written", "Yes.")
    with file.open("ab") as torn:
        torn.write(b'{"row":1,"fate":"wri')
    with closing(Journal(file, {})) as again:
        assert 1 not in again
        again.add(1, "cut_off", "No")
        assert (again.get(0), again.get(1)) == (("written", "Yes."), ("cut_off", "No"))
    assert file.read_bytes().count(b"\n") == 3


def test_a_file_whose_first_line_is_torn_is_begun_anew(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    file.write_bytes(b'{"see')
    with closing(Journal(file, {"seed": 1})) as made:
        made.add(0, "empty", "")
        assert made.get(0) == ("empty", "")
