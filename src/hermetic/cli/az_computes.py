"""`az ml computetarget …`: the command lines of the v1 extension, as documented."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from hermetic.cli.az_ml import Shown, Space, asking, either, of_a_workspace, pem, spaced
from hermetic.cli.connection import Command, Reach, gathered
from hermetic.errors import BadInput

_NAME = click.option("--name", "-n", required=True, help="The compute.")
_NO_WAIT = click.option("--no-wait", is_flag=True, help="Do not wait for the end.")


@dataclass(frozen=True)
class Tls:
    """The TLS that is asked for."""

    ssl_cname: str | None
    ssl_cert_file: Path | None
    ssl_key_file: Path | None
    ssl_leaf_domain_label: str | None
    ssl_overwrite_domain: bool | None

    def asked(self) -> dict[str, Any] | None:
        """Return it as the control plane takes it; `None` if nothing is asked for.

        Raises:
            BadInput: It is incomplete, or one thing and another.
        """
        own = (self.ssl_cname, self.ssl_cert_file, self.ssl_key_file)
        label = self.ssl_leaf_domain_label
        if any(own) and not all(own):
            raise BadInput(
                "A certificate of your own takes all of --ssl-cname, --ssl-cert-file and"
                " --ssl-key-file."
            )
        if any(own) and (label or self.ssl_overwrite_domain):
            raise BadInput(
                "--ssl-leaf-domain-label and --ssl-overwrite-domain do not go with a certificate of"
                " your own."
            )
        if self.ssl_cert_file and self.ssl_key_file:
            return {
                "status": "Enabled",
                "cname": self.ssl_cname,
                "cert": pem(self.ssl_cert_file),
                "key": pem(self.ssl_key_file),
            }
        if label:
            return {
                "status": "Auto",
                "leafDomainLabel": label,
                "overwriteExistingDomain": bool(self.ssl_overwrite_domain),
            }
        return None


def _with_tls(command: Command) -> Command:
    command = gathered(Tls, "tls")(command)
    for option in (
        either("--ssl-overwrite-domain", "Whether an existing label is replaced."),
        click.option("--ssl-leaf-domain-label", callback=spaced, help="For a certificate of ours."),
        click.option("--ssl-key-file", type=Path, help="The key of your own, PEM."),
        click.option("--ssl-cert-file", type=Path, help="A certificate of your own, PEM."),
        click.option("--ssl-cname", callback=spaced, help="The name it is for."),
        click.option("--load-balancer-subnet", help="As documented; told again."),
        click.option("--load-balancer-type", help="PublicIp or InternalLoadBalancer."),
    ):
        command = option(command)
    return command


@click.group()
def computetarget() -> None:
    """Computes: front ends with what runs the code behind them."""


@computetarget.group()
def create() -> None:
    """Create a compute."""


@computetarget.group()
def attach() -> None:
    """Attach what is there."""


@computetarget.group()
def update() -> None:
    """Change a compute."""


@create.command("aks")
@_NAME
@click.option("--agent-count", "-a", type=int, help="How many calls it runs at once: 3.")
@click.option("--vm-size", "-s", help="As documented; told again.")
@click.option("--location", "-l", help="As documented; told again.")
@click.option("--cluster-purpose", type=click.Choice(["FastProd", "DevTest"]), help="What for.")
@_with_tls
@_NO_WAIT
@of_a_workspace
def create_aks(
    reach: Reach,
    space: Space,
    name: str,
    tls: Tls,
    location: str | None,
    *,
    no_wait: bool,
    **told: object,
) -> Shown:
    """Create a compute that services can be deployed on."""
    inner = _inner(tls.asked(), told)
    properties = {"computeType": "AKS", "computeLocation": location, "properties": inner or None}
    with asking(reach, space) as workspace:
        body = {"location": workspace.location, "properties": properties}
        return _begun(workspace.put_compute(name, body, wait=not no_wait))


@attach.command("aks")
@_NAME
@click.option("--compute-resource-id", "-i", required=True, help="The cluster's resource id.")
@of_a_workspace
def attach_aks(reach: Reach, space: Space, name: str, compute_resource_id: str) -> Shown:
    """Attach a cluster; without TLS, as the documented command."""
    properties = {"computeType": "AKS", "resourceId": compute_resource_id, "properties": None}
    with asking(reach, space) as workspace:
        body = {"location": workspace.location, "properties": properties}
        return _begun(workspace.put_compute(name, body))


@update.command("aks")
@_NAME
@_with_tls
@either("--ssl-disable", "Go without TLS.")
@either("--ssl-renew", "Renew a certificate of ours now.")
@_NO_WAIT
@of_a_workspace
def update_aks(
    reach: Reach,
    space: Space,
    name: str,
    tls: Tls,
    *,
    ssl_disable: bool | None,
    ssl_renew: bool | None,
    no_wait: bool,
    **told: object,
) -> Shown:
    """Change the TLS, or the load balancer, of a compute."""
    asked = None if ssl_renew or ssl_disable else tls.asked()
    with asking(reach, space) as workspace:
        body = workspace.compute(name)
        inner = body["properties"]["properties"]
        stored = inner.pop("sslConfiguration")
        if ssl_disable:
            asked = {"status": "Disabled"}
        elif ssl_renew:
            if stored.get("status") != "Auto":
                raise BadInput(
                    f"There is nothing to renew: the TLS of {name!r} is {stored.get('status')}, and"
                    " only a certificate of a leaf domain label is ours to renew."
                )
            asked = {**stored, "renew": True}
        inner |= _inner(asked, told)
        return _begun(workspace.put_compute(name, body, wait=not no_wait))


@computetarget.command("list")
@of_a_workspace
def list_(reach: Reach, space: Space) -> list[Mapping[str, Any]]:
    """List all computes."""
    with asking(reach, space) as workspace:
        return [_shown(one) for one in workspace.computes()]


@computetarget.command()
@_NAME
@of_a_workspace
def show(reach: Reach, space: Space, name: str) -> Mapping[str, Any]:
    """Show a compute."""
    with asking(reach, space) as workspace:
        return _shown(workspace.compute(name))


@computetarget.command()
@_NAME
@of_a_workspace
def delete(reach: Reach, space: Space, name: str) -> None:
    """Delete a compute that was created."""
    with asking(reach, space) as workspace:
        workspace.remove_compute(name, "delete")


@computetarget.command()
@_NAME
@of_a_workspace
def detach(reach: Reach, space: Space, name: str) -> None:
    """Detach a compute that was attached."""
    with asking(reach, space) as workspace:
        workspace.remove_compute(name, "detach")


@computetarget.command("get-credentials")
@_NAME
@of_a_workspace
def get_credentials(reach: Reach, space: Space, name: str) -> Mapping[str, Any]:
    """Show what there is to speak to the cluster behind a compute."""
    with asking(reach, space) as workspace:
        return workspace.credentials(name)


def _inner(ssl: Mapping[str, Any] | None, told: Mapping[str, object]) -> dict[str, Any]:
    names = {
        "agent_count": "agentCount",
        "vm_size": "agentVmSize",
        "cluster_purpose": "clusterPurpose",
        "load_balancer_type": "loadBalancerType",
        "load_balancer_subnet": "loadBalancerSubnet",
    }
    inner = {names[name]: value for name, value in told.items() if value is not None}
    return {**inner, "sslConfiguration": ssl} if ssl else inner


def _begun(one: Mapping[str, Any]) -> Shown:
    properties = one.get("properties") or one
    told = {name: properties.get(name) for name in ("provisioningState", "provisioningErrors")}
    return Shown({**one, **told}, ["name", "provisioningState", "location", "provisioningErrors"])


def _shown(one: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: one.get(name) for name in ("id", "name", "tags", "location", "properties")}
