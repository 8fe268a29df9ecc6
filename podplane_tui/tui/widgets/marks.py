"""Checkboxes and radio buttons whose mark goes with their value: in Textual's own only the colour of it tells."""

from textual.content import Content
from textual.widgets import Checkbox, RadioButton


class Switch(Checkbox):
    """On or off."""

    def render(self) -> Content:
        """Draw the mark, or none."""
        self.BUTTON_INNER = "X" if self.value else " "
        return super().render()


class Choice(RadioButton):
    """One of several ways."""

    def render(self) -> Content:
        """Draw the mark, or none."""
        self.BUTTON_INNER = "●" if self.value else " "
        return super().render()
