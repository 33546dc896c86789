"""Thresholds, calibration, per-label scores and what they suggest doing."""
