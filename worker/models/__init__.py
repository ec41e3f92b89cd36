"""Base models: checked, brought in from a folder, or downloaded from the hub; without torch."""
