"""What people see. Pages read from core, draw, and hand the gesture back."""
