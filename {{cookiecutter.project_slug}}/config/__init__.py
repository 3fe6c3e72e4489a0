"""How this service is put together: settings, entrypoints, routes and the server's configuration."""
