from __future__ import annotations

import pytest

from epochal import settings
from epochal.errors import SettingsError, StoreError


def test_arguments_win_over_environment_over_file_over_default(tmp_path, monkeypatch):
    monkeypatch.delenv("EPOCHAL_STORE", raising=False)
    (tmp_path / "pyproject.toml").write_text("[tool.epochal]\nproject = 'file'\nsystem_interval = 3\n")
    monkeypatch.chdir(tmp_path)
    assert settings.load().project == "file"
    monkeypatch.setenv("EPOCHAL_PROJECT", "environment")
    assert settings.load().project == "environment"
    with settings.override(project="argument"):
        assert settings.load().project == "argument"
    assert settings.load().system_interval == 3.0
    rows = {name: (value, source) for name, value, source in settings.explain()}
    assert rows["project"] == ("environment", "EPOCHAL_PROJECT")
    assert rows["system_interval"] == (3.0, str(tmp_path / "pyproject.toml"))
    assert rows["autolog"] == (True, "default")


def test_the_nearest_store_upwards_is_used(tmp_path, monkeypatch):
    monkeypatch.delenv("EPOCHAL_STORE", raising=False)
    (tmp_path / ".epochal").mkdir()
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert settings.store_root() == tmp_path / ".epochal"
    monkeypatch.setenv("EPOCHAL_STORE", str(tmp_path / "other"))
    assert settings.store_root() == tmp_path / "other"
    assert (tmp_path / "other").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("EPOCHAL_AUTOLOG", "perhaps", "it can be on or off"),
        ("EPOCHAL_DURABILITY", "never", "it can be 'second' or 'sync'"),
        ("EPOCHAL_SYSTEM_INTERVAL", "often", "a setting makes no sense"),
        ("EPOCHAL_STORE", "https://example.org", "knows no servers"),
    ],
)
def test_a_setting_that_makes_no_sense_is_one_clear_line(monkeypatch, name, value, message):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=message) as caught:
        settings.store_root()
    assert "\n" not in str(caught.value)


def test_an_unknown_setting_in_the_file_names_the_known_ones(tmp_path, monkeypatch):
    (tmp_path / "epochal.toml").write_text("projekt = 'x'\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        SettingsError, match=r"epochal\.toml: no setting named 'projekt'; there are: store, project"
    ):
        settings.load()


def test_a_store_that_cannot_be_made_names_the_folder_and_the_setting(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        settings.override(store=tmp_path / "file" / "store"),
        pytest.raises(StoreError, match="set EPOCHAL_STORE"),
    ):
        settings.store_root()


def test_switches_in_the_environment(monkeypatch):
    monkeypatch.setenv("EPOCHAL_AUTOLOG", "off")
    monkeypatch.setenv("EPOCHAL_PLUGINS", "sklearn, xgboost")
    monkeypatch.setenv("EPOCHAL_SYSTEM_INTERVAL", "off")
    chosen = settings.load()
    assert (chosen.autolog, chosen.plugins, chosen.system_interval) == (False, ("sklearn", "xgboost"), 0.0)
