"""The gate before an environment: what is admitted there, what is held, and how hosts follow, one after the other."""
