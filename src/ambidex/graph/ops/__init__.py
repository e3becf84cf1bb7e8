"""The ops, one family per module; `ambidex.graph.table` lists them."""
