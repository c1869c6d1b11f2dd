"""What a script needs to be installed."""

import pytest

from hermetic.errors import BadInput
from hermetic.serving.requirements import digest, parse


def test_names_with_versions_are_kept_in_order() -> None:
    lines = [
        "numpy==2.1.0",
        "scikit-learn >= 1.5, < 2",
        "inference-schema[numpy-support]~=1.8",
        "six  # for nothing",
        "",
        "# a comment",
        "--find-links https://pypi.python.org/simple",
        "--index-url=https://evil.test/simple",
        "tomli; python_version < '3.12'",
        "numpy==2.1.0",
    ]
    assert parse(lines) == (
        "numpy==2.1.0",
        "scikit-learn >= 1.5, < 2",
        "inference-schema[numpy-support]~=1.8",
        "six",
        "tomli; python_version < '3.12'",
    )


def test_what_is_played_here_is_left_out() -> None:
    assert parse(["azureml-defaults>=1.0.45", "azureml_inference_server_http"]) == ()
    assert parse(["azureml-core"]) == ("azureml-core",)


@pytest.mark.parametrize(
    "line",
    [
        "--no-binary :all:",
        "-r /etc/passwd",
        "-e .",
        "six @ https://evil.test/six.whl",
        "https://evil.test/six.whl",
        "./six.whl",
        "/tmp/six.whl",
        "file:///etc/passwd",
        "git+https://evil.test/six",
        "six==1.0 --hash=sha256:0",
        "six\n--index-url https://evil.test",
        "six==$(id)",
        "a" * 301,
        "six; os.system('id')@",
    ],
)
def test_nothing_else_is_installed(line: str) -> None:
    with pytest.raises(BadInput, match="no requirement"):
        parse([line])


def test_there_are_not_too_many() -> None:
    with pytest.raises(BadInput, match="500"):
        parse(f"a{number}" for number in range(501))


def test_an_environment_is_known_by_its_list_and_its_python() -> None:
    assert digest(("six",), "3.11") == digest(("six",), "3.11")
    assert len({digest(("six",), "3.11"), digest(("six",), "3.12"), digest((), "3.11")}) == 3
