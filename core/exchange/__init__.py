"""Files in and out: sniffing, reading, guessing, mapping, writing. Knows nothing of the store."""
