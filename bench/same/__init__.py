"""Whether the products of two checkouts are the same, bit by bit: `python -m bench.same OLD_CHECKOUT`."""
