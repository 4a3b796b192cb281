"""Unix sockets: who is at the other end, and how messages and errors go over them."""
