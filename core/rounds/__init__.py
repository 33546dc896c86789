"""Rounds as durable workflows, and the worker process that runs them."""
