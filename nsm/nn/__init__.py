"""Layers: tensors in, tensors out. They know nothing of data sets, oracles or training."""

from nsm.nn.balance import cluster_imbalance
from nsm.nn.bases import BasisConv, share_bases
from nsm.nn.contraction import Contraction, coarsen, contract, dominating_set
from nsm.nn.conv import RelationalConv
from nsm.nn.diagonal_conv import DiagonalConv
from nsm.nn.fusion import GatedFusion
from nsm.nn.graph import RelationalGraph, both_ways
from nsm.nn.lifting import Lifting
from nsm.nn.pooling import GraphReadout, pool_graphs, pool_marked
from nsm.nn.query_edges import QueryEdges
from nsm.nn.reversible import DropoutKey, ReversibleBlock, ReversibleStack
from nsm.nn.semiring import NoisyOr, Semiring
from nsm.nn.update import RelationalUpdate

__all__ = [
    "BasisConv",
    "Contraction",
    "DiagonalConv",
    "DropoutKey",
    "GatedFusion",
    "GraphReadout",
    "Lifting",
    "NoisyOr",
    "QueryEdges",
    "RelationalConv",
    "RelationalGraph",
    "RelationalUpdate",
    "ReversibleBlock",
    "ReversibleStack",
    "Semiring",
    "both_ways",
    "cluster_imbalance",
    "coarsen",
    "contract",
    "dominating_set",
    "pool_graphs",
    "pool_marked",
    "share_bases",
]
