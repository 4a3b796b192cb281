"""How a run has a certificate signed: by the site's own authority, or by a public one (ACME)."""
