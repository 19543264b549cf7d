"""Where files are kept when nobody names a path."""

import os
import stat
import sys
from pathlib import Path

import pytest

from xpander_facade.configuration import _state_folder
from xpander_facade.configuration._state_folder import state_folder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the folders of another system")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, a folder for temporary files, and none of the variables."""
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(_state_folder.tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path / "home"


def test_it_is_the_users_own_folder_for_state_and_nobody_elses(home: Path):
    folder = state_folder()
    assert folder == home / ".local" / "state" / "xpander-facade"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_variables_go_before_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert state_folder() == tmp_path / "state" / "xpander-facade"
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path / 'service'}:{tmp_path / 'second'}")
    assert state_folder() == tmp_path / "service"


@pytest.mark.parametrize("name", ["STATE_DIRECTORY", "XDG_STATE_HOME"])
def test_a_relative_path_is_not_taken(name: str, home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(name, "here")
    assert state_folder() == home / ".local" / "state" / "xpander-facade"


def test_without_a_usable_home_it_is_a_folder_of_the_users_among_the_temporary_files(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
):
    home.write_text("not a folder")
    folder = state_folder()
    assert folder == tmp_path / f"xpander-facade-{os.getuid()}"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_link_or_a_folder_that_others_can_write_to_is_not_taken(tmp_path: Path, home: Path):
    home.write_text("not a folder")
    (tmp_path / "elsewhere").mkdir()
    found = tmp_path / f"xpander-facade-{os.getuid()}"
    found.symlink_to(tmp_path / "elsewhere")
    assert state_folder() is None
    found.unlink()
    found.mkdir()
    found.chmod(0o777)
    assert state_folder() is None


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_not_taken(tmp_path: Path, home: Path):
    home.write_text("not a folder")
    found = tmp_path / f"xpander-facade-{os.getuid()}"
    found.mkdir(mode=0o700)
    os.chown(found, 12345, -1)
    assert state_folder() is None
