"""The configuration file."""

from __future__ import annotations

from pathlib import Path

import pytest

from podplane_tui.backend.config.model import (
    Config,
    CreateDefaults,
    DashboardSettings,
    RecordingLimits,
    load_config,
    read_config,
)
from podplane_tui.backend.core.control import StopTimeouts
from podplane_tui.backend.core.errors import InvalidInput


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert load_config({"HOME": str(tmp_path)}) == Config(StopTimeouts(90, 10, 10))
    assert load_config({}) == Config()


def test_what_is_said_replaces_the_default(tmp_path: Path) -> None:
    path = tmp_path / "podplane-tui" / "config.toml"
    path.parent.mkdir()
    path.write_text("[stop]\npowerdown = 30\nkill = 2.5\n")
    assert load_config({"XDG_CONFIG_HOME": str(tmp_path), "HOME": "/nowhere"}).stop == StopTimeouts(30, 10, 2.5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[stop", "is not valid TOML"),
        ("[stop]\npowerdown = soon\n", "line 2"),
        ("[stop]\npowerdown = 'soon'\n", "invalid number of seconds 'soon' for 'powerdown' in .stop."),
        ("[stop]\npowerdown = -1\n", "use 0 or more"),
        ("[stop]\nkill = inf\n", "use 0 or more"),
        ("[stop]\nkill = true\n", "use 0 or more"),
        pytest.param(f"[stop]\nkill = 1{'0' * 400}\n", "line 2: .* for 'kill' in .stop.", id="no float"),
        pytest.param(f"[stop]\nkill = 1{'0' * 5000}\n", "is not valid TOML", id="no number"),
        pytest.param(f"stop = {'[' * 30000}", "nested too deeply", id="lists in lists"),
        pytest.param(f"[keys]\n{'a.' * 2000}b = 's'\n", "nested too deeply", id="tables in tables"),
        ("[stop]\npatience = 1\n", "unknown setting 'patience' in .stop."),
        ("stop = 3\n", "not a table"),
        ("[stopp]\n", "unknown name 'stopp'"),
        ("\x00", "is not valid TOML"),
        ("[stop]\n# kill = 3\npowerdown = 3\n 'kill' = true\n", "line 4: .* for 'kill' in .stop."),
        ("[recordings]\nboots = 1\n\n[stop]\nboots = 1\n", "line 5: unknown setting 'boots' in .stop."),
        ("stop.kill = true\n", "line 1: .* for 'kill' in .stop."),
        (
            "\n[stopp]\n",
            "line 2: unknown name 'stopp'; use one of .stop., .recordings., .create., .dashboard., .ssh., .keys.",
        ),
        ("[dashboard]\nrefresh = 0.2\n", "line 2: .* seconds 0.2 for 'refresh' in .dashboard.; use 0.5 to 60"),
        ("[dashboard]\nrefresh = nan\n", "line 2: .* seconds nan for 'refresh'"),
        ("[dashboard]\ntheme = 3\n", "line 2: invalid value 3 for 'theme' in .dashboard."),
        ("[dashboard]\ncolour = 3\n", "line 2: unknown setting 'colour' .*; use one of refresh, theme"),
        ("[keys]\nvm.start = 's'\nvm.stop = 3\n", "line 3: the value of 'vm.stop' in .keys. is not text"),
        ("[create]\ncpus = 0\n", "line 2: .* CPUs '0' for 'cpus' in .create.; use .* from 1 to 255"),
        ("[create]\ncpus = true\n", "line 2: invalid number of CPUs 'True' for 'cpus'"),
        ("[create]\nmemory = 8\n", "line 2: invalid value 8 for 'memory' in .create.; put it in quotes"),
        ("[create]\nmemory = '8Q'\n", "line 2: invalid memory size '8Q' for 'memory'"),
        ("[create]\n\ndisk_size = '40'\n", "line 3: invalid disk size '40' for 'disk_size'"),
        ("[create]\nuser_data = 'seed.yaml'\n", "line 2: .* 'user_data' .*; begin it with / or ~/"),
        ("[create]\nimage = './x.qcow2'\n", "line 2: .* 'image' .*; begin it with / or ~/"),
        (
            "[create]\nimage = 'https://x.test/y.qcow2'\n",
            "line 2: in .create., an image from a URL needs its digest; use",
        ),
        ("[create]\ndigest = 'sha256:12'\n", "line 2: invalid digest 'sha256:12' for 'digest'"),
        (f"[create]\ndigest = 'sha256:{64 * '0'}'\n", "line 2: in .create., a digest needs an image from a URL; leave"),
        ('[ssh]\noptions = "x"\n', "line 2: invalid list 'x' for 'options' in .ssh.; write it as "),
        ("[ssh]\noptions = [3]\n", "invalid list .3. for 'options' in .ssh."),
        ('[ssh]\n\noptions = ["HostName=x"]\n', "line 3: the ssh option 'HostName' can't be set for 'options'"),
        ("[create]\ncpu = 3\n", "'cpu' .* use one of cpus, digest, disk_size, image, max_size, memory, user_data"),
        ("# x\nstop = { powerdown = 3, kill = true }\n", "line 2: .* for 'kill' in .stop."),
        ("[dashboard]\ntheme = 'nord'\n[keys]\nlist = {up = 'up',\tdown = 3}\n", "line 4: .* 'list.down' in .keys."),
        ("[dashboard]\ntheme = '''[stop]\nkill = 3\n'''\n[stop]\nkill = true\n", "line 6: .* 'kill'"),
        ("[keys.vm]\nstop = ['s']\n", "line 2: the value of 'vm.stop' in .keys. is not text"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=words) as caught:
        read_config(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_directory_in_its_place_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="can't be read"):
        read_config(tmp_path)


def test_a_file_larger_than_any_configuration_is_said(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"#" * 70_000)
    with pytest.raises(InvalidInput, match="larger than 65536 bytes"):
        read_config(tmp_path / "config.toml")


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "dotfiles.toml").write_text("[stop]\nkill = 3\n")
    (tmp_path / "config.toml").symlink_to("dotfiles.toml")
    assert read_config(tmp_path / "config.toml").stop.kill == 3
    (tmp_path / "dotfiles.toml").unlink()
    assert read_config(tmp_path / "config.toml") == Config()


def test_what_new_machines_get_can_be_set(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[create]\nimage = '~/base.qcow2'\ndisk_size = '40G'\ncpus = 4\nmemory = '8G'\nuser_data = '/x'\n")
    assert read_config(path).create == CreateDefaults("~/base.qcow2", "", "40G", "4", "8G", "/x")
    path.write_text("[create]\nimage = 'debian.qcow2'\ncpus = '3'\n")
    assert read_config(path).create == CreateDefaults("debian.qcow2", cpus="3")


def test_how_much_is_recorded_can_be_set(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    assert read_config(path).recordings == RecordingLimits(boots=10, megabytes=64)
    path.write_text("[recordings]\nboots = 3\n")
    assert read_config(path).recordings == RecordingLimits(boots=3, megabytes=64)
    for wrong, words in (
        ("boots = 0", "invalid number 0 for 'boots' in .recordings."),
        ("megabytes = true", "invalid number True for 'megabytes' in .recordings."),
        ("size = 3", "unknown setting 'size' in .recordings.; use one of boots, megabytes"),
    ):
        path.write_text(f"[recordings]\n{wrong}\n")
        with pytest.raises(InvalidInput, match=words):
            read_config(path)


def test_the_dashboard_and_its_keys_can_be_set(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[dashboard]\ntheme = 'nord'\nrefresh = 5\n[keys]\n'vm.start' = 'z'\nlist.down = 'down,n'\n")
    config = read_config(path)
    assert config.dashboard == DashboardSettings("nord", 5.0)
    assert config.keys == {"vm.start": "z", "list.down": "down,n"}
    assert config.path == path


def test_who_knows_more_can_blame_the_line(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("# [keys]\n[keys]\nlist.down = 'down'\n\"vm.start\" = 'z'\n")
    config = read_config(path)
    assert str(config.fault("keys.vm.start", "is odd")) == f"{path}, line 4: is odd"
    path.unlink()
    assert str(config.fault("keys.vm.start", "is odd")) == f"{path}: is odd"
