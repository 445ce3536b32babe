"""The planning domain: STRIPS problems, plans and the oracle that judges them."""
