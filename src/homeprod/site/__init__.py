"""The typed definition of a site, its loader and its checks."""
