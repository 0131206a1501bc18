"""Inbox: an omnichannel billing-support inbox with a bot that says only approved words."""

__version__ = "0.1.0"
