"""Miniature copies of the data sets, in exactly their layouts: one module each, and what they are drawn with."""
