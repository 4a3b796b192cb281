"""Notices: what people who do not look are told of, once, when it begins, changes and is over."""
