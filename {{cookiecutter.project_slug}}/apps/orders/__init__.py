"""Orders, their customers and items: the ORM from async code."""
