"""A Textual app with a table in which ten cells change every second."""

from itertools import count

from textual.app import App, ComposeResult
from textual.widgets import DataTable

ROWS = 10


class CellsApp(App[None]):
    """Ten rows of six columns."""

    def compose(self) -> ComposeResult:
        yield DataTable[str]()

    def on_mount(self) -> None:
        self.table = self.query_one(DataTable)
        self.columns = self.table.add_columns("name", "state", "cpu", "memory", "disk", "uptime")
        self.rows = [self.table.add_row(f"row-{row}", "running", "0", "1G", "2G", "0") for row in range(ROWS)]
        self.seconds = count()
        self.set_interval(1.0, self.tick)

    def tick(self) -> None:
        second = next(self.seconds)
        for row in self.rows:
            self.table.update_cell(row, self.columns[2], str(second))


if __name__ == "__main__":
    CellsApp().run()
