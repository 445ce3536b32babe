"""The user's own data and network in the configuration."""

from __future__ import annotations

import pytest

from nsm.config import load_config
from nsm.config.own import MODELS
from nsm.errors import ConfigError


def test_a_model_is_a_known_one_or_an_import_path() -> None:
    for name in (*MODELS, "my_models:Star", "deep.er.module:make_it"):
        assert load_config(None, [f"model={name}"]).model == name
    for name in ("hierarchi", "my_models", "my_models:", ":Star", "my models:Star", "a:b:c", "os.path;x:y", "1a:b"):
        with pytest.raises(ConfigError, match=r"expected 'hierarchy', 'flat', .* or package.module:Name, got"):
            load_config(None, [f"model={name}"])


def test_reverse_recomputation_is_refused_for_what_cannot_be_reversed() -> None:
    for name in MODELS[1:]:
        with pytest.raises(ConfigError, match="only the layers of the hierarchy can be reversed"):
            load_config(None, [f"model={name}", "recompute=reverse"])
    assert load_config(None, ["model=my_models:Star", "recompute=reverse"]).recompute == "reverse"


def test_own_data_are_a_folder_or_a_source() -> None:
    assert load_config(None, ["domain=own", "own.source=my_data:Paths"]).own.source == "my_data:Paths"
    with pytest.raises(ConfigError, match=r"own.source: expected package.module:Name, got 'my_data.py'"):
        load_config(None, ["own.source=my_data.py"])
    with pytest.raises(ConfigError, match=r"own.source: set own.data or own.source, not both"):
        load_config(None, ["own.source=my_data:Paths", "own.data=folder"])
