"""Training with several processes: one leads, the others take part, and what they do together."""
