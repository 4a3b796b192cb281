"""Split DNS as the LAN's resolvers read it."""
