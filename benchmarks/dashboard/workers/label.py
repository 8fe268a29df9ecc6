"""A Textual app that paints one label."""

from textual.app import App, ComposeResult
from textual.widgets import Label


class LabelApp(App[None]):
    """One label."""

    def compose(self) -> ComposeResult:
        yield Label("a-label-is-painted")


if __name__ == "__main__":
    LabelApp().run()
