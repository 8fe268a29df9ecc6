"""Style sheets are found in a checkout and in an installed wheel, and hold to the rules."""

import re
from pathlib import Path

from podplane_tui.tui.styles import styles_directory, stylesheets


def test_a_wheel_has_them_in_the_package(tmp_path: Path) -> None:
    package = tmp_path / "podplane_tui"
    (package / "styles").mkdir(parents=True)
    assert styles_directory(package) == package / "styles"


def test_a_checkout_has_them_beside_the_package(tmp_path: Path) -> None:
    package = tmp_path / "podplane_tui"
    package.mkdir()
    assert styles_directory(package) == tmp_path / "styles"


def test_the_shared_sheet_comes_first() -> None:
    names = [path.name for path in stylesheets()]
    assert names[0] == "app.tcss"
    assert {"dashboard.tcss", "terminal.tcss"} <= set(names)


def test_colours_are_theme_variables() -> None:
    for path in stylesheets():
        text = path.read_text("utf-8")
        assert "!important" not in text, path
        assert not re.search(r"#[0-9a-fA-F]{3,8}\s*;|\brgba?\(|\bhsla?\(", text), path
