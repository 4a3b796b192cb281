"""The Proxmox VE API: transport, tasks, uploads, and Proxmox's own forms."""
