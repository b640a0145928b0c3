"""Tools for engines that draw: compiled kernels without opinions about faces."""
