"""One module per place the service runs in; all of them start from `base`."""
