"""A dry run: one training step with shapes instead of numbers, to see how much memory it takes."""
