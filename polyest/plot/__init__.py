"""Figures (extra ``plot``)."""
