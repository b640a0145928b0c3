"""Training of the three frozen networks on what an engine draws: extractor, generator, recogniser."""
