"""The causal domain: structural causal models, questions of three rungs, and Bayesian networks in BIF."""
