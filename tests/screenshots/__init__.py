"""The pictures of the README, made with the real app on real virtual machines."""
