"""Pure back office of an exchange and broker."""
