"""The model cache: folders that are whole or not there, and where it lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from index.errors import ModelUnavailable
from index.model_cache import SEAL, default_cache_dir, is_intact, sealed_folder


class TestCacheFolder:
    def test_own_variable_comes_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GISA_CACHE", "/data/gisa")
        monkeypatch.setenv("XDG_CACHE_HOME", "/data/xdg")
        assert default_cache_dir() == Path("/data/gisa")

    def test_then_the_desktop_standard(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("GISA_CACHE", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", "/data/xdg")
        assert default_cache_dir() == Path("/data/xdg/gisa")

    def test_then_the_home_folder(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("GISA_CACHE", raising=False)
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setenv("HOME", "/home/kim")
        assert default_cache_dir() == Path("/home/kim/.cache/gisa")


class TestSealedFolder:
    @staticmethod
    def fill(folder: Path) -> None:
        (folder / "inner").mkdir()
        (folder / "inner" / "weights").write_bytes(b"0123456789")
        (folder / "config.json").write_text("{}")

    @staticmethod
    def must_not_fill(folder: Path) -> None:
        raise AssertionError("written again")

    def test_it_is_written_once(self, tmp_path: Path) -> None:
        target = sealed_folder(tmp_path / "a" / "b", self.fill)
        assert is_intact(target, thorough=True)
        assert sealed_folder(target, self.must_not_fill, thorough=True) == target

    def test_force_writes_it_again(self, tmp_path: Path) -> None:
        target = sealed_folder(tmp_path / "b", self.fill)
        (target / "foreign").touch()
        sealed_folder(target, self.fill, force=True)
        assert not (target / "foreign").exists()

    @pytest.mark.parametrize("name", ["config.json", "inner/weights", SEAL])
    def test_a_missing_file_is_noticed(self, tmp_path: Path, name: str) -> None:
        target = sealed_folder(tmp_path / "b", self.fill)
        (target / name).unlink()
        assert not is_intact(target)
        assert is_intact(sealed_folder(target, self.fill))

    def test_a_short_file_is_noticed_at_once(self, tmp_path: Path) -> None:
        target = sealed_folder(tmp_path / "b", self.fill)
        os.truncate(target / "inner" / "weights", 5)
        assert not is_intact(target)

    def test_a_changed_file_is_noticed_by_a_thorough_look(self, tmp_path: Path) -> None:
        target = sealed_folder(tmp_path / "b", self.fill)
        (target / "inner" / "weights").write_bytes(b"0123456780")
        assert is_intact(target)
        assert not is_intact(target, thorough=True)

    @pytest.mark.parametrize("seal", ["", "[]", "{}", '{"files": {"config.json": {}}}', "null"])
    def test_a_damaged_seal_is_no_seal(self, tmp_path: Path, seal: str) -> None:
        target = sealed_folder(tmp_path / "b", self.fill)
        (target / SEAL).write_text(seal)
        assert not is_intact(target)

    def test_a_failed_attempt_leaves_what_was_there(self, tmp_path: Path) -> None:
        target = sealed_folder(tmp_path / "b", self.fill)

        def fail(folder: Path) -> None:
            (folder / "half").touch()
            raise RuntimeError("no power")

        with pytest.raises(RuntimeError, match="no power"):
            sealed_folder(target, fail, force=True)
        assert is_intact(target, thorough=True)
        assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["b"]

    def test_an_intact_folder_needs_no_writable_place(self, tmp_path: Path) -> None:
        target = sealed_folder(tmp_path / "b", self.fill)
        (tmp_path / ".b.lock").unlink()
        sealed_folder(target, self.must_not_fill)
        assert not (tmp_path / ".b.lock").exists()

    def test_a_place_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(ModelUnavailable, match="file") as caught:
            sealed_folder(tmp_path / "file" / "b", self.fill)
        assert "GISA_CACHE" in caught.value.remedy
