"""The data core: triples, packed graphs, building, splits; each domain has a package of its own inside."""
