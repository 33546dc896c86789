"""The loop played headlessly against gold labels, to compare strategies and seeds."""
