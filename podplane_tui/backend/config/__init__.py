"""`config.toml`: what it may say, reading it, and changing it without losing its comments.

What lives here: the settings with their defaults, their checks, and the line of whatever is wrong. What may not: key
bindings and themes, which only the dashboard can check, and what is remembered of one VM (`vm.remembered`).
"""
