"""The plugins that ship with aubench: one folder each, found through the same entry points as a stranger's."""
