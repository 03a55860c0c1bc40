"""From event to order, and never twice."""
