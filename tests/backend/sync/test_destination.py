"""Which directories of a VM a copy may not delete in, and in which one it deletes."""

from __future__ import annotations

from pathlib import Path

import pytest

from podplane_tui.backend.sync.destination import deletes_in, is_system_directory, path_in
from podplane_tui.backend.sync.rsync import SyncRequest


@pytest.mark.parametrize(
    "path",
    [
        *("/", "//", "/.", "/..", "///etc//", "/etc/.", "/etc/..", "/etc/../etc", "/opt/../../usr/./bin", "/home"),
        *("/home/debian", "/home/debian/", "/root", "/lib64", "/usr/lib/systemd", "/usr/share", "/usr/local/bin"),
        *("/boot/grub", "/dev/shm/x", "/proc/1", "/etc/ssh/sshd_config.d", "/var", "/var/lib", "/var/lib/dpkg/info"),
        *("/opt", "/srv", "/tmp", "/run/user/1000"),
        *("/etc/apt", "/etc/cloud", "/etc/network", "/etc/netplan", "/etc/security", "/etc/init.d", "/etc/nginx"),
        *("/etc/apt/sources.list.d", "/etc/cni/net.d", "/var/lib/kubelet", "/var/lib/containerd", "/var/lib/docker"),
        *("/var/lib/rancher/k3s/server", "/var/lib/etcd/member", "/var/lib/private/x", "/var/lib/rpm"),
        *("/root/.ssh", "/home/debian/.ssh", "/home/debian/.ssh/keys", "/var/lib/git/.ssh"),
        *("/usr/local", "/usr/local/share", "/usr/local/src", "/usr/local/etc", "/usr/local/lib", "/usr/local/sbin"),
    ],
)
def test_the_system_is_there(path: str) -> None:
    assert is_system_directory(path)


@pytest.mark.parametrize(
    "path",
    [
        *("/app", "/opt/app", "/srv/www", "/home/debian/app", "/root/app", "/var/www", "/var/lib/app"),
        *("/usr/local/share/app", "/etcetera", "/binary", "/tmp/x", "/usr/share/nginx/html"),
        *("/usr/local/app", "/usr/local/src/app", "/home/debian/ssh", "/home/debian/.ssh-app", "/var/lib/apt-app"),
    ],
)
def test_what_is_one_programs_own_is_no_systems_directory(path: str) -> None:
    assert not is_system_directory(path)


def test_what_is_deleted_depends_on_the_slash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "etc").mkdir()
    (tmp_path / "file").touch()

    def place(source: str, destination: str) -> str | None:
        return deletes_in(SyncRequest(source, destination, delete=True))

    assert place("etc", "/") == "/etc"
    assert place("etc/", "/") == "/"
    assert place("etc/.", "/opt") == "/opt"
    assert place(".", "/opt") == "/opt"
    assert place("..", "~") == "."
    assert place("etc", "~/x") == "x/etc"
    assert place("etc/", "~root/x") == "/root/x"
    assert place("etc/", "~debian") == "/home/debian"
    assert place("file", "/etc") is None
    assert deletes_in(SyncRequest("etc/", "/")) is None


@pytest.mark.parametrize(
    ("answer", "path"),
    [
        (b"/etc\nfound\n", "/etc"),
        (b"/a\nb\n\nfound\n", "/a\nb\n"),
        (b"/etc/\xff\nfound\n", "/etc/\udcff"),
        (b"missing\n", ""),
        *((answer, None) for answer in (b"", b"/etc\n", b"found\n", b"\nfound\n", b"Hello\n/etc\nfound\n")),
        *((answer, None) for answer in (b"Hello\nmissing\n", b"missing", b"/etc\nfound", b"missing\n\nfound\n")),
    ],
)
def test_only_an_answer_of_ours_is_one(answer: bytes, path: str | None) -> None:
    assert path_in(answer) == path
