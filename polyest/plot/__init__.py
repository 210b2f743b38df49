"""Figures (extra ``plot``): `figures` draws them, `labels` finds places for words."""
