"""The drawing half of the engine: from a posed head to an image."""
