"""Where the style sheets are: `podplane_tui/styles` in an installed wheel, the repository's `styles` in a checkout."""

from pathlib import Path

_FIRST = frozenset({"app", "dashboard"})
_PACKAGE = Path(__file__).resolve().parents[1]


def styles_directory(package: Path = _PACKAGE) -> Path:
    """The directory that holds the `*.tcss` files of the program installed at `package`."""
    installed = package / "styles"
    return installed if installed.is_dir() else package.parent / "styles"


def stylesheets(directory: Path | None = None) -> list[Path]:
    """Every style sheet, those of the first frame at the front so that the others can refine them."""
    return sorted(
        (directory or styles_directory()).glob("*.tcss"), key=lambda path: (path.stem not in _FIRST, path.name)
    )


def first_stylesheets() -> list[Path]:
    """What is needed to show the list of machines: to parse all would take longer than to paint it."""
    return [path for path in stylesheets() if path.stem in _FIRST]


def later_stylesheets() -> list[Path]:
    """The others."""
    return [path for path in stylesheets() if path.stem not in _FIRST]
