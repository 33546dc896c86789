"""The truth: tables, migrations and the unit of work."""
