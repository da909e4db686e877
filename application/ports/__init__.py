"""What the domain asks of the outside. A port exists because it has two adapters or keeps two packages apart."""
