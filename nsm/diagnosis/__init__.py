"""Is this machine fit to train on, and if not, what would mend it? Imports nothing heavy, not even torch."""

from nsm.diagnosis.check import Check, Status
from nsm.diagnosis.examination import diagnose

__all__ = ["Check", "Status", "diagnose"]
