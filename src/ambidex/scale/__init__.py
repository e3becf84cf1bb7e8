"""Several machines: the same work on a Ray cluster, whose engine places, scales and mends it."""
