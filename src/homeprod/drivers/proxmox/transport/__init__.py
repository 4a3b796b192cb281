"""Requests to Proxmox: who asks (credential), whom we believe (trust), what a refusal means, and the connection."""
