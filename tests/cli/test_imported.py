"""What settings an imported certificate is named by."""

import pytest

from hermetic.certificates.names import DistinguishedName
from hermetic.certificates.roles import SIGNING
from hermetic.certificates.selection import Choice, StoreLocation, StoreName
from hermetic.cli.imported import settings_for

SUBJECT = DistinguishedName.parse("CN=a")
CHOICE = Choice(StoreLocation.CURRENT_USER, StoreName.MY, SUBJECT, "ab" * 20)
NAMED = {
    "Enabled": True,
    "StoreName": "My",
    "StoreLocation": "CurrentUser",
    "SubjectName": "CN=a",
    "Thumbprint": "ab" * 20,
}


@pytest.mark.parametrize(
    ("role", "nodes"),
    [
        ("api", {"web node": {"Kestrel": {"HttpsEnabled": True, "HttpsCertificate": NAMED}}}),
        (
            "compute",
            {"compute node": {"Kestrel": {"HttpsEnabled": True, "HttpsCertificate": NAMED}}},
        ),
        (
            "authentication",
            {
                "web node": {"BackEndConfiguration": {"ClientCertificate": NAMED}},
                "compute node": {
                    "ClientCertificate": {"Enabled": True, "Issuer": "CN=i", "Subject": "CN=a"}
                },
            },
        ),
        (SIGNING, {"web nodes": {"Authentication": {"JWTSigningCertificate": NAMED}}}),
    ],
)
def test_each_role_is_named_where_its_nodes_look(role: str, nodes: dict[str, object]) -> None:
    assert settings_for(CHOICE, role, "CN=i") == nodes
