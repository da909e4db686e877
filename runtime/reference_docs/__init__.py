"""Descriptions that follow from the kinds' models: the AsyncAPI file and the tables of names."""
