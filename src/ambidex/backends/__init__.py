"""Engines by name; each below its own folder, the two folders twins of each other."""
