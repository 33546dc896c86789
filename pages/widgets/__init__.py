"""Pieces of pages that more than one page needs, or that would make one too long."""
