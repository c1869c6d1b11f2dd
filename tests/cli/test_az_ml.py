"""What the commands of the v1 extension have in common."""

from pathlib import Path

import pytest

from hermetic.cli.az_ml import Space, pem
from hermetic.errors import BadInput


def told(folder: Path, workspace: str | None = None) -> dict[str, str]:
    return dict(Space(None, workspace, None, folder).told)


def test_flags_win_over_the_projects_configuration(tmp_path: Path) -> None:
    assert told(tmp_path) == {}
    (tmp_path / ".azureml").mkdir()
    (tmp_path / ".azureml" / "config.json").write_text(
        '{"workspace_name": "w", "resource_group": "g"}'
    )
    assert told(tmp_path) == {"workspace_name": "w", "resource_group": "g"}
    assert told(tmp_path, "x")["workspace_name"] == "x"


@pytest.mark.parametrize("text", ["no JSON", "[]", "1"])
def test_a_configuration_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(BadInput, match="no configuration"):
        told(tmp_path)


def test_pem_is_text_and_what_is_not_is_told_how_to_convert(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("-----BEGIN")
    assert pem(tmp_path / "a.pem") == "-----BEGIN"
    (tmp_path / "a.der").write_bytes(b"\x30\x82\xff")
    with pytest.raises(BadInput, match="openssl x509"):
        pem(tmp_path / "a.der")
    with pytest.raises(BadInput, match="cannot be read"):
        pem(tmp_path / "none.pem")
