"""Who may ask for what: keys and their scopes, how often, and a log of what was started."""
