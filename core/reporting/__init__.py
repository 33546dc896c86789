"""Reports of an evaluation: figures, tables and pictures from saved outputs alone."""
