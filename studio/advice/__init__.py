"""Pure functions that judge settings: no database, no widgets."""
