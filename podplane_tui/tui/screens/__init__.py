"""Screens and modals: each composes widgets and binds keys; the work is done by the app's workers."""
