"""Marginalia's engine: everything the app can do, without Streamlit."""
