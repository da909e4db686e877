"""The command line for people: each verb speaks to the REST API, from anywhere or on the installation's own data."""
