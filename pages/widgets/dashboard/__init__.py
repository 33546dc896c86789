"""The dashboards' tabs, one module each; `view` says what they draw from."""
