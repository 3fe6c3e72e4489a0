"""One page, and its JSON, made of what other services answer."""
