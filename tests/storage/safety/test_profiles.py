"""Profiles that ship stay as they are; a person's own are files, kept, edited and brought back."""

from pathlib import Path

import pytest

from storage.errors import NotFound, StudioError
from storage.safety import profiles
from storage.safety.profiles import Broken


def test_three_profiles_ship_and_can_be_read(tmp_path: Path) -> None:
    shipped = profiles.all_of(tmp_path)
    assert [each.id for each in shipped] == ["emergency_first_aid", "general", "health_information"]
    for each in shipped:
        assert each.profile is not None, each.faults
        assert "no proof" in each.profile.limits
        assert each.profile.rules
    medical = [each.profile.limits for each in shipped if each.profile and each.id != "general"]
    assert all("no medical advice" in words for words in medical)


def test_a_copy_is_a_persons_own(tmp_path: Path) -> None:
    general = profiles.get(tmp_path, "general")
    copy = profiles.add(tmp_path, general.model_copy(update={"name": "Général, ours"}))
    assert (copy.id, copy.is_shipped) == ("general_ours", False)
    assert profiles.add(tmp_path, general).id == "general-2"
    changed = profiles.replace(tmp_path, copy.id, general.model_copy(update={"name": "Changed"}))
    assert (changed.id, changed.name) == ("general_ours", "Changed")
    assert profiles.all_of(tmp_path)[3:] == [changed, profiles.find(tmp_path, "general-2")]


def test_a_shipped_one_is_neither_changed_nor_deleted(tmp_path: Path) -> None:
    general = profiles.get(tmp_path, "general")
    with pytest.raises(StudioError, match="ships with the studio"):
        profiles.replace(tmp_path, "general", general)
    with pytest.raises(StudioError, match="ships with the studio"):
        profiles.delete(tmp_path, "general")


def test_a_deleted_one_can_be_brought_back_and_its_id_is_not_given_again(tmp_path: Path) -> None:
    general = profiles.get(tmp_path, "general")
    mine = profiles.add(tmp_path, general)
    profiles.delete(tmp_path, mine.id)
    with pytest.raises(NotFound):
        profiles.get(tmp_path, mine.id)
    assert profiles.add(tmp_path, general).id != mine.id
    assert profiles.restore(tmp_path, mine.id) == mine


def test_a_broken_file_is_listed_with_its_mistakes_and_cannot_be_used(tmp_path: Path) -> None:
    mine = profiles.add(tmp_path, profiles.get(tmp_path, "general"))
    mine.path.write_text("format: 1\nname: [", encoding="utf-8")
    (listed,) = (each for each in profiles.all_of(tmp_path) if each.id == mine.id)
    assert (listed.profile, listed.name) == (None, "general-2.yaml")
    with pytest.raises(Broken, match=r"general-2\.yaml.*Line 2") as broken:
        profiles.get(tmp_path, mine.id)
    assert broken.value.faults == listed.faults


@pytest.mark.parametrize("name", ["../general", "", "a/b", "GENERAL", "x" * 70, "deleted/general"])
def test_an_id_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound):
        profiles.find(tmp_path, name)
    with pytest.raises(NotFound):
        profiles.restore(tmp_path, name)
