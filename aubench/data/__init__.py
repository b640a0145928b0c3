"""Frames, labels behind a door, and the stores that hold both."""
