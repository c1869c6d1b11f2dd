"""The distribution hermetic-azureml: what is in it, and that it is found by the names it has."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "shims" / "hermetic-azureml"
IMPORTS = """
from azureml.core import Workspace, Environment, Model, Webservice, ComputeTarget
from azureml.core.compute import AksCompute, ComputeTarget
from azureml.core.compute.aks import (AksCompute, AksProvisioningConfiguration, AksAttachConfiguration,
                                      AksUpdateConfiguration, SslConfiguration, SystemService)
from azureml.core.webservice import (Webservice, AciWebservice, AksWebservice, AksEndpoint, LocalWebservice,
                                     UnknownWebservice)
from azureml.core.model import Model, InferenceConfig, ModelPackage
from azureml.core.authentication import (InteractiveLoginAuthentication, ServicePrincipalAuthentication,
     MsiAuthentication, AzureCliAuthentication, ArmTokenAuthentication, TokenAuthentication,
     AzureMLTokenAuthentication, AbstractAuthentication)
from azureml.exceptions import ComputeTargetException, WebserviceException, UserErrorException, ModelNotFoundException
import azureml
assert not hasattr(azureml, "__file__") or azureml.__file__ is None, "others may add to the names"
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    subprocess.run(["cp", "-r", str(SOURCE), str(source)], check=True)  # building writes there
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(source)], check=True)
    (made,) = folder.glob("*.whl")
    return made


def test_it_holds_the_names_and_the_licence(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "azureml/core/__init__.py" in names
    assert "azureml/core/py.typed" in names
    assert "azureml/__init__.py" not in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_what_the_retired_manual_imports_is_there(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path)
    subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORTS],
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
    )
