"""The Boot tab: stages as bars beside the last good boot's, failures, earlier boots.

What lives here: the panel and its picture. What may not: reading recordings and finding failures, which the backend
does.
"""
