"""One seam to each outside thing."""
