"""Pieces of pages that are more than one widget."""
