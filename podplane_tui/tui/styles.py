"""Where the style sheets are: `podplane_tui/styles` in an installed wheel, the repository's `styles` in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def styles_directory(package: Path = _PACKAGE) -> Path:
    """The directory that holds the `*.tcss` files of the program installed at `package`."""
    installed = package / "styles"
    return installed if installed.is_dir() else package.parent / "styles"


def stylesheets(directory: Path | None = None) -> list[Path]:
    """Every style sheet, `app.tcss` first so that the screens' sheets can refine it."""
    return sorted((directory or styles_directory()).glob("*.tcss"), key=lambda path: (path.stem != "app", path.name))
