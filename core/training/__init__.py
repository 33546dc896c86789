"""Train, judge and use a model without the app: files in, a folder or a file out."""
