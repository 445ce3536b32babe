"""The typed configuration: one object for the notebook, the command line, batch and cloud."""

from nsm.config.reading import load_config
from nsm.config.settings import CausalConfig, Config, DomainConfig, KgConfig, OwnConfig, PlanningConfig

__all__ = ["CausalConfig", "Config", "DomainConfig", "KgConfig", "OwnConfig", "PlanningConfig", "load_config"]
