"""Writes models in other formats, one room per format."""
