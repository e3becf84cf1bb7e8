"""Tables and series: reads them, infers their schema, types, splits and windows them."""
