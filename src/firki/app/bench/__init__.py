"""``firki bench``: firki's own speed on this machine, beside plain Python doing the same."""
