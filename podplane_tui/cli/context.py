"""What the options say that every verb shares. Stands alone: without a verb there is nothing to parse them with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass
class Choices:
    """What was chosen on the command line; None stands for what was not. `as_json` is whether to print JSON.

    `force` is whether to go on where it can't be told whether another program uses the disk, `allow_backing_chain`
    whether the guest may read the files that its disk makes QEMU read.
    """

    cluster_id: str | None = None
    data_dir: Path | None = None
    runtime_dir: Path | None = None
    state_dir: Path | None = None
    arch: str | None = None
    as_json: bool = False
    force: bool = False
    allow_backing_chain: bool = False
