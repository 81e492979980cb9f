"""Runs in Feast's environment: make a registry, and ask for history.

python incumbent_worker.py apply FOLDER [REGISTRY]
python incumbent_worker.py init FOLDER TEMPLATE
python incumbent_worker.py history FOLDER SPINE.parquet OUT SERVICE ...
"""

import os
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")


def store(folder: str):
    from feast import FeatureStore

    os.chdir(folder)
    return FeatureStore(repo_path=folder)


def apply(folder: str, registry: str = "data/registry.db") -> None:
    """`feast apply`, with local stores in place of those that the repo names: what it defines is what counts."""
    from feast.repo_config import load_repo_config
    from feast.repo_operations import apply_total

    place = Path(folder)
    os.chdir(place)
    sys.path.insert(0, folder)
    config = place / "feature_store.yaml"
    project = config.read_text().splitlines()[0]
    kind = "{registry_type: sql, path: '" + registry + "'}" if "://" in registry else registry
    config.write_text(f"{project}\nprovider: local\nregistry: {kind}\nentity_key_serialization_version: 3\n")
    apply_total(load_repo_config(place, config), place, skip_source_validation=True)


def init(folder: str, template: str) -> None:
    from feast.repo_config import load_repo_config
    from feast.repo_operations import apply_total, init_repo

    place = Path(folder)
    os.chdir(place.parent)
    init_repo(place.name, template)
    repo = place / "feature_repo"
    os.chdir(repo)
    sys.path.insert(0, str(repo))
    apply_total(load_repo_config(repo, repo / "feature_store.yaml"), repo, skip_source_validation=False)


def history(folder: str, spine: str, out: str, *services: str) -> None:
    import pandas as pd

    opened = store(folder)
    frame = pd.read_parquet(spine)
    for service in services:
        features = opened.get_feature_service(service)
        opened.get_historical_features(entity_df=frame, features=features).to_df().to_parquet(
            f"{out}/{service}.parquet"
        )


if __name__ == "__main__":
    {"apply": apply, "init": init, "history": history}[sys.argv[1]](*sys.argv[2:])
