"""`keys`: the table, changed keys, and a configuration that is wrong."""

from __future__ import annotations

import json
import re

from tests.cli.support import Call, assert_refused
from tests.conftest import Workspace


def test_keys_lists_ids_keys_and_what_they_do(workspace: Workspace, call: Call) -> None:
    lines = call("keys").stdout.splitlines()
    assert lines[0].split() == ["ID", "KEYS", "WHAT", "THEY", "DO"]
    assert any(re.fullmatch(r"vm\.start +s +Start a VM", line) for line in lines)
    config = workspace.root / "config" / "podplane-tui" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[keys]\nvm.start = 'z,f5'\n")
    assert re.search(r"vm\.start +z F5 +Start a VM \(usually s\)\n", call("keys").stdout)
    (start,) = (line for line in json.loads(call("keys", "--json").stdout)["keys"] if line["id"] == "vm.start")
    assert start == {"id": "vm.start", "keys": "z F5", "default_keys": "s", "description": "Start a VM"}
    config.write_text("[keys]\nvm.strat = 'z'\n")
    assert_refused(call("keys"), 2, f"{config}, line 2", "use an id such as vm.start")
