"""What a person can do, one verb each. Pages, the API and the command line all come here."""
