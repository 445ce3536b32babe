"""The user's own data: tables of triples, read, checked against each other and turned into graphs."""
