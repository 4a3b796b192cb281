"""The page: one read-only look at a site, for a browser, behind a link that a person's key has signed for."""
