"""Directories, names and checks, for every system."""

from __future__ import annotations

import platform
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podplane_tui.backend.core.errors import InvalidInput, Unsupported
from podplane_tui.backend.core.paths import (
    IMAGE_SUFFIX,
    VMFiles,
    base_directories,
    base_directory,
    ca_certificate,
    check_socket_path,
    dashboard_memory,
    host_arch,
    parse_stem,
    validate_cluster_id,
)

HOME = {"HOME": "/home/u"}
EVERY = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME")


def test_linux_directories() -> None:
    found = base_directories(HOME, "linux")
    assert found.config == Path("/home/u/.config/podplane")
    assert found.cache == Path("/home/u/.cache/podplane")
    assert found.data == Path("/home/u/.local/share/podplane")
    assert found.runtime == Path("/home/u/.podplane/run")
    assert found.own_config == Path("/home/u/.config/podplane-tui")
    assert found.own_state == Path("/home/u/.local/state/podplane-tui")
    assert found.own_cache == Path("/home/u/.cache/podplane-tui")


def test_macos_directories() -> None:
    found = base_directories(HOME, "darwin")
    assert found.config == Path("/home/u/.podplane/config")
    assert found.cache == Path("/home/u/.podplane/cache")
    assert found.data == Path("/home/u/.podplane/data")
    assert found.runtime == Path("/home/u/.podplane/run")
    assert found.own_config == Path("/home/u/.podplane/tui/config")
    assert found.own_state == Path("/home/u/.podplane/tui/state")
    assert found.own_cache == Path("/home/u/.podplane/tui/cache")


def test_windows_directories_start_from_the_profile() -> None:
    found = base_directories({"USERPROFILE": "/Users/u"}, "win32")
    assert found.data == Path("/Users/u/.podplane/data")
    assert found.runtime == Path("/Users/u/.podplane/run")


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_the_environment_overrides_on_every_system(system: str) -> None:
    environ = HOME | {
        "XDG_CONFIG_HOME": "/c",
        "XDG_CACHE_HOME": "/k",
        "XDG_DATA_HOME": "/d",
        "XDG_RUNTIME_DIR": "/r",
        "XDG_STATE_HOME": "/s",
    }
    found = base_directories(environ, system)
    assert (found.config, found.cache, found.data) == (Path("/c/podplane"), Path("/k/podplane"), Path("/d/podplane"))
    assert found.runtime == Path("/r/podplane")
    assert (found.own_config, found.own_state) == (Path("/c/podplane-tui"), Path("/s/podplane-tui"))
    assert found.own_cache == Path("/k/podplane-tui")


def test_an_empty_variable_counts_as_unset() -> None:
    assert base_directories(HOME | {"XDG_DATA_HOME": ""}, "linux") == base_directories(HOME, "linux")


def test_no_home_is_an_error() -> None:
    with pytest.raises(InvalidInput, match=r"^no home directory is set: set HOME, or XDG_CONFIG_HOME and XDG_CACHE_"):
        base_directories({"HOME": ""}, "linux")
    for variable in EVERY:
        environ = {name: "/x" for name in EVERY if name != variable}
        with pytest.raises(InvalidInput, match=f"^no home directory is set: set HOME, or {variable}$"):
            base_directories(environ, "linux")


def test_no_home_directory_is_needed_for_what_variables_give() -> None:
    environ = {name: f"/{name}" for name in EVERY}
    assert base_directories(environ, "linux") == base_directories(HOME | environ, "linux")
    assert base_directory("data", {"XDG_DATA_HOME": "/d"}, "linux") == Path("/d/podplane")
    with pytest.raises(InvalidInput, match=r"^no home directory is set: set HOME, or XDG_STATE_HOME$"):
        base_directory("own_state", {"XDG_DATA_HOME": "/d"}, "linux")


@pytest.mark.parametrize(
    ("machine", "arch"), [("x86_64", "amd64"), ("AMD64", "amd64"), ("aarch64", "arm64"), ("arm64", "arm64")]
)
def test_host_architecture(machine: str, arch: str) -> None:
    assert host_arch({}, machine) == arch


def test_the_architecture_can_be_overridden() -> None:
    assert host_arch({"PODPLANE_ARCH": "arm64"}, "x86_64") == "arm64"
    with pytest.raises(InvalidInput, match=r"^invalid PODPLANE_ARCH 'm{40}': set it to amd64 or arm64$"):
        host_arch({"PODPLANE_ARCH": "m" * 50}, "x86_64")


def test_an_architecture_that_is_not_supported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said = r"^the architecture of this host \({}\) is not supported: use a host with amd64 or arm64$"
    with pytest.raises(Unsupported, match=said.format("riscv64")):
        host_arch({}, "riscv64")
    monkeypatch.setattr(platform, "machine", lambda: "")
    with pytest.raises(Unsupported, match=said.format("unknown")):
        host_arch({})


def test_without_an_override_the_architecture_is_that_of_this_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert host_arch({}) == "arm64"


@pytest.mark.parametrize("cluster_id", ["a", "default", "dev-1", "0", "a-b-c", "x" * 32])
def test_valid_cluster_ids(cluster_id: str) -> None:
    assert validate_cluster_id(cluster_id) == cluster_id


@pytest.mark.parametrize(
    "cluster_id",
    ["", "-a", "a-", "a--b", "A", "a_b", "a.b", "x" * 33, "../x", "a/b", "a\n", "é", "local", "k8s", "oidc", "a b"],
)
def test_invalid_cluster_ids(cluster_id: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(f"cluster id {cluster_id!r}")) as caught:
        validate_cluster_id(cluster_id)
    assert "\n" not in str(caught.value)


def test_what_is_wrong_with_a_cluster_id_is_said() -> None:
    with pytest.raises(InvalidInput, match=r"^the cluster id 'k8s' is reserved: choose another id$"):
        validate_cluster_id("k8s")
    rule = "use 1 to 32 lower-case letters, digits and single hyphens, with none at either end"
    with pytest.raises(InvalidInput, match=rf"^invalid cluster id 'x{{40}}': {rule}$"):
        validate_cluster_id("x" * 50)


def test_file_names() -> None:
    files = VMFiles("arm64", "dev-1", Path("/d"), Path("/r"))
    assert files.image == Path("/d/vms/podplane-local-dev-1.arm64.image.qcow2")
    assert files.seed == Path("/d/vms/podplane-local-dev-1.arm64.cloudinitdata.iso")
    assert files.efivars == Path("/d/vms/podplane-local-dev-1.arm64.efivars.fd")
    assert files.pid_file == Path("/r/vms/podplane-local-dev-1.arm64.pid.json")
    assert files.console == Path("/r/vms/podplane-local-dev-1.arm64.console.sock")
    assert files.qmp == Path("/r/vms/podplane-local-dev-1.arm64.qmp.sock")
    assert files.qemu_log == Path("/r/vms/podplane-local-dev-1.arm64.qemu.log")
    assert files.lock == Path("/r/vms/podplane-local-dev-1.arm64.lock")
    assert files.state_file == Path("/r/local/dev-1.state.json")
    assert files.user_data == Path("/d/local/dev-1/user-data")
    assert files.cluster_config == Path("/d/local/dev-1/cluster.jsonc")
    assert not files.made_by_podplane
    assert files.identity == Path("/d/ssh/id_ed25519")


ids = st.from_regex(r"[a-z0-9]{1,4}(-[a-z0-9]{1,4}){0,4}", fullmatch=True)


@pytest.mark.slow
@given(ids, st.sampled_from(["amd64", "arm64"]))
def test_names_come_back(cluster_id: str, arch: str) -> None:
    files = VMFiles(arch, cluster_id, Path("/d"), Path("/r"))
    assert parse_stem(files.image.name, IMAGE_SUFFIX) == (cluster_id, arch)


@given(st.text())
def test_any_name_is_parsed_or_refused(name: str) -> None:
    found = parse_stem(name + IMAGE_SUFFIX, IMAGE_SUFFIX)
    if found is not None:
        assert f"podplane-local-{found[0]}.{found[1]}" == name
        assert len(found[0]) <= 32


@pytest.mark.parametrize(
    "name",
    ["podplane-local-a.amd64.image.qcow2\n", "podplane-local-.amd64.image.qcow2", "podplane-local-a.mips.image.qcow2"],
)
def test_names_of_others_are_refused(name: str) -> None:
    assert parse_stem(name, IMAGE_SUFFIX) is None


def test_the_longest_id_in_a_name_is_the_longest_valid_one() -> None:
    assert parse_stem(f"podplane-local-{'x' * 32}.amd64{IMAGE_SUFFIX}", IMAGE_SUFFIX) == ("x" * 32, "amd64")
    assert parse_stem(f"podplane-local-{'x' * 33}.amd64{IMAGE_SUFFIX}", IMAGE_SUFFIX) is None


@pytest.mark.parametrize(("system", "limit"), [("linux", 107), ("darwin", 103)])
def test_the_socket_path_limit_is_in_bytes(system: str, limit: int) -> None:
    check_socket_path(Path("/" + "x" * (limit - 1)), system)
    said = f"has {limit + 1} bytes and this system allows {limit}: choose a shorter runtime directory"
    with pytest.raises(InvalidInput, match=rf"{said} \(XDG_RUNTIME_DIR or --runtime-dir\)$"):
        check_socket_path(Path("/" + "x" * limit), system)
    with pytest.raises(InvalidInput, match="shorter runtime directory"):
        check_socket_path(Path("/" + "é" * (limit // 2 + 1)), system)


def test_our_state_is_absolute_for_qemu_has_a_directory_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/u")
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    files = VMFiles("amd64", "a", Path("/d"), Path("/r"))
    assert files.own_state == Path.cwd() / "state" / "podplane-tui"


def test_files_of_no_machine() -> None:
    assert ca_certificate(Path("/d")) == Path("/d/local-server/tls/oidc/ca.pem")
    assert dashboard_memory(Path("/s")) == Path("/s/dashboard.json")


def test_the_dashboard_is_remembered_where_our_state_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert dashboard_memory(None) == Path("/state/podplane-tui/dashboard.json")


def test_a_folder_that_can_not_be_looked_into_was_not_made_by_podplane(tmp_path: Path) -> None:
    assert not VMFiles("amd64", "a", tmp_path / ("x" * 300), tmp_path).made_by_podplane
