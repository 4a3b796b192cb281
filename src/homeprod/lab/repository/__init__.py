"""Git repositories that a lab's gateway serves over SSH, as the site's own git server does at home."""
