"""Which document to ask about next, and why."""
