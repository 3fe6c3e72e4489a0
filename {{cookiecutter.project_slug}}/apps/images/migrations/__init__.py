"""Migrations of the images app."""
