"""What PostgreSQL needs of a service with many workers: pools that fit it, and are closed."""
