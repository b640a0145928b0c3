"""Training: the unsupervised loop, the pretraining of its frozen networks, and what both share."""
