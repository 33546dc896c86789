"""Plotly figures drawn from stored evaluation results."""
