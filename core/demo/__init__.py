"""The demo corpus: an invented help desk's inbox, its generator and its reader."""
