"""The broker's side of the gateway: connection, inbox, journal feeding."""
