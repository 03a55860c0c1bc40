"""Static trees for readers without an account."""
