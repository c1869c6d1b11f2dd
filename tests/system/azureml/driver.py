"""Plays scenarios with azureml-core, or with ours by its names; run by an interpreter of its own.

Reads one JSON line `[scenario, arguments]` at a time, writes one JSON line with what the client
observed.  Which host names the process looks up and what it sends is noted; nothing else of it is
touched.
"""

# mypy: ignore-errors

import contextlib
import io
import json
import os
import socket
import sys
import traceback

LOOKED_UP = set()
_resolve = socket.getaddrinfo


def _noting(host, *arguments, **named):
    LOOKED_UP.add(str(host))
    return _resolve(host, *arguments, **named)


socket.getaddrinfo = _noting

import requests

SENT, ALTERED = [], {}
_send = requests.Session.send


def _noting_sent(session, request, **options):
    if ALTERED and request.method == "PUT":
        told = json.loads(request.body)
        told["properties"]["properties"].update(ALTERED)
        request.prepare_body(None, None, told)
    if request.method in {"PUT", "POST", "PATCH", "DELETE"}:
        SENT.append([request.method, request.url, body_of(request)])
    return _send(session, request, **options)


def body_of(request):
    body = request.body
    if isinstance(body, bytes) and len(body) < 1_000_000:
        body = body.decode("utf-8", "replace")
    try:
        return json.loads(body)
    except (TypeError, ValueError):
        return "not JSON" if body else None


requests.Session.send = _noting_sent

from azureml.core import Environment, Workspace
from azureml.core.compute import AksCompute, ComputeTarget
from azureml.core.compute.aks import AksUpdateConfiguration, SslConfiguration
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.model import InferenceConfig, Model
from azureml.core.webservice import AciWebservice, AksWebservice, Webservice
from azureml.exceptions import ComputeTargetException, WebserviceException

SCRIPT = """
import json, os, time

def init():
    global models
    models = sorted(os.listdir(os.environ["AZUREML_MODEL_DIR"]))

def run(data, request_headers):
    asked = json.loads(data)
    if asked.get("raise"):
        raise ValueError("as it was asked for")
    time.sleep(asked.get("sleep", 0))
    return {"got": asked, "models": models, "told": request_headers.get("X-Told")}
"""


def workspace():
    return Workspace.from_config()


def refusal(action):
    try:
        return {"accepted": action()}
    except (ComputeTargetException, WebserviceException) as error:
        return {"refused": type(error).__name__, "text": str(error)}
    except Exception as error:
        told = traceback.format_exc() if isinstance(error, AttributeError) else str(error)
        return {"raised": type(error).__name__, "text": told}


def seen(target):
    target.refresh_state()
    ssl = target.ssl_configuration
    return {
        "state": target.provisioning_state,
        "status": ssl.status,
        "label": ssl.leaf_domain_label,
        "cname": ssl.cname,
        "key": ssl.key,
        "address": target.system_services[0].public_ip_address,
        "attached": target.is_attached,
        "cluster": target.cluster_resource_id,
    }


def configured(attach, ssl, options):
    if attach:
        named = {"resource_group": "group", "cluster_name": attach}
        wish = AksCompute.attach_configuration(**named, **options)
    else:
        wish = AksCompute.provisioning_configuration(**options)
    if ssl:
        wish.enable_ssl(**ssl)
    return wish


def wish(steps, attach=False, **options):
    """Describe a compute in several steps, each an `enable_ssl`."""

    def action():
        kind = AksCompute.attach_configuration if attach else AksCompute.provisioning_configuration
        made = kind(**options)
        for step in steps:
            made.enable_ssl(**step)

    return refusal(action)


def deployment_wish(kind, **options):
    """Describe a deployment."""
    kinds = {"AKS": AksWebservice, "ACI": AciWebservice}
    return refusal(lambda: kinds[kind].deploy_configuration(**options) and None)


def compute(name, ssl=None, attach=None, purpose=None, agents=None, **options):
    def action():
        wish = configured(attach, ssl, options)
        if agents:
            wish.agent_count = agents
        if purpose:
            wish.cluster_purpose = purpose
        make = ComputeTarget.attach if attach else ComputeTarget.create
        target = make(workspace(), name, wish)
        target.wait_for_completion()
        return seen(target)

    return refusal(action)


def show_compute(name):
    return refusal(lambda: seen(ComputeTarget(workspace(), name)))


def computes():
    return sorted(one.name for one in ComputeTarget.list(workspace()))


def update_compute(name, balancer=(None, None), **ssl):
    def action():
        target = ComputeTarget(workspace(), name)
        told = SslConfiguration(**ssl) if ssl else None
        target.update(AksUpdateConfiguration(told, *balancer))
        target.wait_for_completion()
        return seen(target)

    return refusal(action)


def wait_for_found(name):
    return refusal(lambda: ComputeTarget(workspace(), name).wait_for_completion())


def grow(name, agents):
    """Have a compute more agents: clients have no word for it, and send what they were told."""

    def action():
        target = ComputeTarget(workspace(), name)
        ALTERED["agentCount"] = agents
        try:
            target.update(AksUpdateConfiguration())
        finally:
            ALTERED.clear()
        target.wait_for_completion()
        target.refresh_state()
        return target.agent_count

    return refusal(action)


def remove_compute(name, how):
    def action():
        target = ComputeTarget(workspace(), name)
        getattr(target, how)()
        return computes()

    return refusal(action)


def credentials(name):
    return ComputeTarget(workspace(), name).get_credentials()


def register(name, content="a model", path="model.bin", tags=("a", "b"), **options):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as file:
        file.write(content)
    options["tags"] = dict([tags]) if tags else None
    model = Model.register(workspace(), path, name, **options)
    return {
        "id": model.id,
        "version": model.version,
        "listed": [m.id for m in Model.list(workspace())],
    }


def download(name):
    model = Model(workspace(), name)
    path = model.download("downloaded", exist_ok=True)
    with open(path) as file:
        return file.read()


def tell_model(name):
    model = Model(workspace(), name)
    model.add_tags({"more": "1"})
    model.add_properties({"once": "1"})
    model.update(description="what it is")
    model = Model(workspace(), name)
    again = refusal(lambda: model.add_properties({"once": "2"}))
    return {
        "tags": model.tags,
        "properties": model.properties,
        "description": model.description,
        "again": again,
    }


def environment(packages):
    wish = Environment("needed" if packages else "plain")
    if packages:
        wish.python.conda_dependencies = CondaDependencies.create(
            pip_packages=["azureml-defaults", *packages]
        )
    return wish


def inference(script, packages=()):
    os.makedirs("source", exist_ok=True)
    with open("source/score.py", "w") as file:
        file.write(script)
    return InferenceConfig(
        entry_script="score.py", source_directory="source", environment=environment(packages)
    )


def deploy(name, on=None, script=SCRIPT, models=(), packages=(), overwrite=False, **options):
    """Deploy on a compute, or with a front end of its own; the answer is the service."""

    def action():
        here = workspace()
        kind = AksWebservice if on else AciWebservice
        target = ComputeTarget(here, on) if on else None
        service = Model.deploy(
            here,
            name,
            [Model(here, one) for one in models],
            inference(script, packages),
            kind.deploy_configuration(**options),
            target,
            overwrite=overwrite,
        )
        with contextlib.redirect_stdout(io.StringIO()) as told:
            try:
                service.wait_for_deployment(show_output=True)
            except WebserviceException as error:
                return {"state": service.state, "text": str(error), "log": service.get_logs()}
        return {**shown(service), "told": told.getvalue()}

    return refusal(action)


def shown(service):
    found = {
        "state": service.state,
        "uri": service.scoring_uri,
        "swagger": service.swagger_uri,
        "tags": service.tags,
        "description": service.description,
    }
    if isinstance(service, AciWebservice):
        found["ssl"] = service.ssl_enabled
        found["cname"] = service.cname
        found["key"] = service.ssl_key
        found["address"] = service.public_ip
    return found


def show(name):
    return refusal(lambda: shown(Webservice(workspace(), name)))


def update(name, **options):
    def action():
        service = Webservice(workspace(), name)
        service.update(**options)
        service.wait_for_deployment()
        return shown(service)

    return refusal(action)


def services(**asked):
    return sorted(one.name for one in Webservice.list(workspace(), **asked))


def run(name, **inputs):
    return refusal(lambda: Webservice(workspace(), name).run(json.dumps(inputs)))


def keys(name):
    return list(Webservice(workspace(), name).get_keys())


def regenerate(name, which, to=None):
    service = Webservice(workspace(), name)
    service.regen_key(which, to)
    return list(service.get_keys())


def token(name):
    return refusal(lambda: Webservice(workspace(), name).get_token()[0])


def log(name):
    return Webservice(workspace(), name).get_logs()


def change_script(name, models=()):
    """Give a service another script, by itself."""

    def action():
        here = workspace()
        service = Webservice(here, name)
        with open("other.py", "w") as file:
            file.write(SCRIPT)
        config = InferenceConfig("other.py", environment=environment(()))
        service.update(models=[Model(here, one) for one in models], inference_config=config)
        service.wait_for_deployment()
        return shown(service)

    return refusal(action)


def tell_service(name):
    service = Webservice(workspace(), name)
    service.add_tags({"more": "1"})
    service.remove_tags(["more"])
    service.add_properties({"once": "1"})
    return shown(service)


def delete(name):
    Webservice(workspace(), name).delete()
    return services()


def call(uri, key=None, method="POST", headers=None, **inputs):
    """Call an address with plain `requests`, as an application does."""
    fields = {"content-type": "application/json", **(headers or {})}
    if key is not None:
        fields["authorization"] = f"Bearer {key}"
    try:
        answer = requests.request(method, uri, data=json.dumps(inputs), headers=fields, timeout=60)
    except requests.exceptions.SSLError as error:
        return {"ssl": str(error)}
    except requests.exceptions.ConnectionError as error:
        return {"connection": str(error)}
    try:
        body = answer.json()
    except ValueError:
        body = answer.text
    return {"status": answer.status_code, "body": body, "headers": dict(answer.headers)}


def verbatim(source):
    """Run the code of an article as it stands."""
    with contextlib.redirect_stdout(io.StringIO()) as told:
        exec(compile(source, "<article>", "exec"), {"__name__": "article"})
    return told.getvalue()


def looked_up():
    return sorted(LOOKED_UP)


def sent():
    """Return what was sent since this was asked last."""
    told = list(SENT)
    SENT.clear()
    return told


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the client prints what it likes
    for line in sys.stdin:
        scenario, arguments = json.loads(line)
        try:
            observed = {"observed": globals()[scenario](**arguments)}
        except Exception:
            observed = {"unexpected": traceback.format_exc()}
        answers.write(json.dumps(observed) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
