"""The chat server: one resident base model answers for several adapters in one batch."""
