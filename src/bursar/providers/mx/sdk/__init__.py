"""The typed client of the MX Platform API; imports `transport` only. Start in `client`."""
