"""Safety profiles: what they are made of, read from files and written to them."""
