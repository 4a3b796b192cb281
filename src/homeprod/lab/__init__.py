"""The embedded hypervisor. It meets the rest of homeprod over HTTP and its own command line alone."""
