"""What the v1 extension tells of a deployment, and what becomes of it on the wire."""

import json
from pathlib import Path
from typing import Any

import pytest

from hermetic.cli.az_deployment import (
    TABLE,
    members_in,
    members_of,
    nested,
    pairs,
    patch_of,
)
from hermetic.errors import BadInput


def written(folder: Path, **told: Any) -> Path:
    path = folder / "deploy.json"
    path.write_text(json.dumps(told))
    return path


def test_no_two_options_have_one_name() -> None:
    flags = [flag for one in TABLE for flag in one.flags]
    assert len(flags) == len(set(flags))
    assert len({one.member for one in TABLE}) == len(TABLE)


def test_what_is_told_is_a_member_of_a_service(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("a chain")
    values = {
        "cpu_cores": 0.5,
        "num_replicas": 2,
        "autoscale_enabled": False,
        "ssl_cert_pem_file": tmp_path / "cert.pem",
        "memory_gb": None,
        "other": 1,
    }
    members = members_of(values)
    assert members == {
        "containerResourceRequirements/cpu": 0.5,
        "numReplicas": 2,
        "autoScaler/autoscaleEnabled": False,
        "sslCertificate": "a chain",
    }
    body = nested(members)
    assert body["containerResourceRequirements"] == {"cpu": 0.5}
    assert body["autoScaler"] == {"autoscaleEnabled": False}
    assert {"op": "replace", "path": "/numReplicas", "value": 2} in patch_of(members)


def test_a_file_tells_the_same_by_its_own_names(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("a key")
    path = written(
        tmp_path,
        computeType="AKS",
        tokenAuthEnabled=True,
        computeTargetName="cluster",
        gpuCores=1,
        containerResourceRequirements={"cpu": 1.0},
        sslKey="key.pem",
    )
    body = nested(members_in(path))
    assert body["aadAuthEnabled"] is True
    assert body["computeName"] == "cluster"
    assert body["containerResourceRequirements"] == {"cpu": 1.0, "gpu": 1}
    assert body["sslKey"] == "a key"


@pytest.mark.parametrize("kind", ["local", "aksendpoint", "", None])
def test_a_file_says_where_it_deploys_to(tmp_path: Path, kind: str | None) -> None:
    with pytest.raises(BadInput, match="computeType"):
        members_in(written(tmp_path, computeType=kind))


def test_pairs_have_a_key_and_an_equals_sign() -> None:
    assert pairs(["a=b", "c=", "d=e=f"]) == {"a": "b", "c": "", "d": "e=f"}
    for wrong in ("a", "=b", ""):
        with pytest.raises(BadInput, match="KEY=VALUE"):
            pairs([wrong])
