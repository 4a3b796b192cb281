"""The one look: what a control node knows, what was seen of Proxmox, and what needs a person first."""
