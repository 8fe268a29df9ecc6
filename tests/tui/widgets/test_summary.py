"""The line at the top, as wide as there is room for."""

from pathlib import Path

from textual.app import App, ComposeResult

from podplane_tui.backend.core.paths import VMFiles
from podplane_tui.backend.core.status import State, VMStatus
from podplane_tui.backend.runtime.local_server import LocalServer
from podplane_tui.backend.vm.classify import SERVER_DOWN
from podplane_tui.tui.widgets.summary import SummaryBar

PLACE = "/srv/some/data/of/podplane"


class SummaryApp(App[None]):
    CSS = "SummaryBar { height: 1; }"

    def __init__(self) -> None:
        super().__init__()
        self.bar = SummaryBar(Path(PLACE))

    def compose(self) -> ComposeResult:
        yield self.bar

    @property
    def text(self) -> str:
        return str(self.bar.render())


def vms(*states: State, hint: str | None = None) -> tuple[VMStatus, ...]:
    return tuple(
        VMStatus(VMFiles("amd64", f"c{number}", Path("/d"), Path("/r")), state, hint=hint)
        for number, state in enumerate(states)
    )


async def test_before_the_first_look_nothing_is_counted() -> None:
    app = SummaryApp()
    async with app.run_test(size=(80, 5)):
        assert app.text.split() == ["podplane-tui", "looking…", PLACE]
        app.bar.vms = ()
        assert app.text.split()[:3] == ["podplane-tui", "no", "VMs"]


async def test_states_are_counted_and_the_place_stands_at_the_end() -> None:
    app = SummaryApp()
    async with app.run_test(size=(100, 5)):
        app.bar.vms = vms(State.STOPPED, State.RUNNING, State.BROKEN, State.STOPPED)
        assert "● 1 running   ! 1 broken   ○ 2 stopped" in app.text
        assert app.text.endswith(f" {PLACE}")
        assert len(app.text) == 100


async def test_where_there_is_no_room_states_are_symbols_and_the_place_is_cut() -> None:
    app = SummaryApp()
    async with app.run_test(size=(50, 5)):
        app.bar.vms = vms(State.STOPPED, State.RUNNING, State.BROKEN)
        assert "● 1   ! 1   ○ 1" in app.text
        assert "running" not in app.text
        assert app.text.endswith("…")
        assert len(app.text) == 50


async def test_the_server_is_told_of_where_it_is_up_or_missed() -> None:
    app = SummaryApp()
    up = LocalServer(running=True, log=Path("/r/local-server.log"))
    async with app.run_test(size=(100, 5)):
        app.bar.vms = vms(State.RUNNING)
        app.bar.local_server = up._replace(running=False)
        assert "server" not in app.text
        app.bar.vms = vms(State.RUNNING, hint=SERVER_DOWN)
        assert "server down" in app.text
        app.bar.local_server = up
        assert "server up" in app.text
        app.bar.local_server = None
        app.bar.vms = vms(State.STOPPED)
        assert "server" not in app.text
