"""Public backbones that more than one part of the bench knows, with the tensor names of their checkpoints."""
