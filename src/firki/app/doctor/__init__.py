"""``firki doctor``: is all there that firki needs, and what to do where it is not."""
