"""What leaves the studio: adapters in the layout that other programs read."""
