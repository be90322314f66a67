"""What MX says, object by object; numbers are exact decimals in MX's own signs, instants are aware."""
