"""Pictures that people send, made small, clean and quick to load by a worker."""
