"""Knowledge graphs: reading them, the subgraph around a fact, negatives by tail swaps, story graphs."""
