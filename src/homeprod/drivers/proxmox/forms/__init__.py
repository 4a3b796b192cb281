"""Proxmox's own forms, parsed and printed: pure functions, proven against recorded answers of its own code.

A parser raises :class:`~homeprod.drivers.proxmox.forms.form.FormError` for what Proxmox refuses. What differs between
releases takes the release as ``(major, minor)``.
"""
