"""The local clipboard: which program fills it, and that one that fails is no matter."""

from pathlib import Path

import pytest

from podplane_tui.tui.clipboard import clipboard_command, fill_clipboard


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory that is searched for programs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def install(programs: Path, *names: str, script: str = "") -> None:
    for name in names:
        program = programs / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)


WAYLAND = {"WAYLAND_DISPLAY": "wayland-0"}
X11 = {"DISPLAY": ":0"}


@pytest.mark.parametrize(
    ("environ", "installed", "platform", "command"),
    [
        (WAYLAND, "wl-copy xclip", "linux", ["wl-copy"]),
        (WAYLAND | X11, "wl-copy xclip", "linux", ["wl-copy"]),
        (WAYLAND | X11, "xsel", "linux", ["xsel", "--clipboard", "--input"]),
        (X11, "xclip xsel", "linux", ["xclip", "-selection", "clipboard"]),
        (X11, "wl-copy pbcopy", "linux", None),
        ({}, "wl-copy xclip xsel pbcopy", "linux", None),
        ({"DISPLAY": "", "WAYLAND_DISPLAY": ""}, "wl-copy xclip", "linux", None),
        ({}, "pbcopy", "darwin", ["pbcopy"]),
        (X11, "xclip", "darwin", ["xclip", "-selection", "clipboard"]),
    ],
)
def test_the_program_is_that_of_the_desktop_and_installed(
    programs: Path, environ: dict[str, str], installed: str, platform: str, command: list[str] | None
) -> None:
    install(programs, *installed.split())
    assert clipboard_command(environ, platform=platform) == command


def test_the_text_reaches_the_program_byte_by_byte(programs: Path) -> None:
    install(programs, "copy", script="/bin/cat > $0.got")
    fill_clipboard([str(programs / "copy")], "tühä\n\t$HOME 'x'")
    assert (programs / "copy.got").read_bytes() == "tühä\n\t$HOME 'x'".encode()


def test_a_program_that_fails_or_is_not_there_is_no_error(programs: Path) -> None:
    install(programs, "fails", script=": > $0.ran; exit 3")
    fill_clipboard([str(programs / "fails")], "x" * 1_000_000)  # more than it reads before it ends
    assert (programs / "fails.ran").exists()
    fill_clipboard([str(programs / "missing")], "x")
