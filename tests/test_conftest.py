"""What may be lacking where."""

from __future__ import annotations

import pytest

from tests.conftest import missing

SKIPPED, FAILED = pytest.skip.Exception, pytest.fail.Exception


@pytest.mark.parametrize(
    ("ci", "platform", "linux_only", "outcome"),
    [
        (None, "linux", False, SKIPPED),
        ("true", "linux", False, FAILED),
        ("true", "linux", True, FAILED),
        ("true", "darwin", False, FAILED),
        ("true", "darwin", True, SKIPPED),
    ],
)
def test_under_ci_nothing_may_be_lacking_that_can_be_installed(
    ci: str | None, platform: str, linux_only: bool, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    if ci is not None:
        monkeypatch.setenv("CI", ci)
    monkeypatch.setattr("sys.platform", platform)
    with pytest.raises(outcome, match="no sfdisk"):
        missing("no sfdisk", linux_only=linux_only)
