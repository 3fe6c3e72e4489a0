"""A module per command, named as it is typed."""
