"""The public HTTP interface: thin, typed and token-checked over the services."""
