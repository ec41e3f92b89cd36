"""Training recipes and what they share; torch lives here."""
