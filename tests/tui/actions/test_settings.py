"""A theme is kept in the configuration's file, beside all else that is in it."""

from pathlib import Path

import pytest

from podplane_tui.backend.core.errors import VMError
from podplane_tui.tui.actions.settings import keep_theme


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, '[dashboard]\ntheme = "nord"\n'),
        ("", '[dashboard]\ntheme = "nord"\n'),
        ("[dashboard]\ntheme = 'dracula'  # mine\nrefresh = 2\n", None),
    ],
    ids=["no-file", "empty", "another-theme"],
)
async def test_it_is_written_and_the_rest_stays(tmp_path: Path, before: str | None, after: str | None) -> None:
    path = tmp_path / "deep" / "config.toml"
    if before is not None:
        path.parent.mkdir()
        path.write_text(before)
    await keep_theme(path, "nord")
    assert path.read_text() == (after or '[dashboard]\ntheme = "nord"  # mine\nrefresh = 2\n')


async def test_a_file_that_is_wrong_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[dashboard\n")
    with pytest.raises(VMError, match=r"config\.toml"):
        await keep_theme(path, "nord")
    assert path.read_text() == "[dashboard\n"
