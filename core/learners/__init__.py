"""What learns a probability per label: a head on cached vectors, or the whole network."""
