"""The ``couchpages`` command: a module for each group of subcommands, pure deciding beside thin doing."""
