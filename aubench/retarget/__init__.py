"""What was read off a face, given to another: drawn by an engine, or written for a rig."""
