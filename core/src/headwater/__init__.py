"""Connect a model in production to the data it is monitored on."""
