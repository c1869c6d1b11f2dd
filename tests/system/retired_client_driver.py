"""Plays scenarios with azureml-model-management-sdk; run by its own interpreter, not by pytest.

Reads one JSON line `[scenario, arguments]` at a time, writes one JSON line with what the client
observed.  The functions deployed below must stand in a file: the client reads their source.
"""

# mypy: ignore-errors

import json
import os
import sys
import traceback
import types

if sys.version_info >= (3, 12):  # the client imports a module that Python 3.12 removed
    sys.modules.setdefault("imp", types.ModuleType("imp"))

import azureml.deploy.server.service as service_module
import numpy as np
import pandas as pd
from azureml.common.http_client import HttpException
from azureml.deploy import DeployClient
from azureml.deploy.server import MLServer

URL = sys.argv[1]
clients = {}


def bind(_function, name, arguments, doc=""):
    """Stand in for the one function that builds byte code by hand for Python 3.5."""

    def consume(self, *given, **named):
        values = dict(zip(arguments[1:], given, strict=False)) | named
        return self._consume(values)

    consume.__name__, consume.__doc__ = name, doc
    return consume


service_module.function_beget = bind


def client(username="admin", password=None, auth=None):
    context = auth if auth is not None else (username, password)
    return DeployClient(URL, use=MLServer, auth=context)


def refusal(action):
    try:
        action()
    except HttpException as error:
        return {"status": error.status, "body": error.body}
    except ValueError as error:
        return {"value_error": str(error)}
    return {"accepted": True}


class Model:
    """A model that only its own pickle knows: the class is defined in this script."""

    def __init__(self, slope, offset):
        self.slope, self.offset = slope, offset

    def predict(self, x):
        return self.slope * x + self.offset


def init():
    print("init was here")
    global scale
    scale = 10


def add(x, y):
    print("adding", x, "and", y)
    with open("a.txt", "w") as out:
        out.write("sum %s" % (x + y))
    return float(model.predict(x) + y * scale + extra)


def without_artifact(x):
    return x


def failing(x):
    if x < 0:
        raise KeyError("no negative x")
    return x


def shout(raw):
    return raw.upper()


def no_inputs():
    return 42


def echo_code():
    return (
        "out_int = in_int\nout_float = in_float\nout_str = in_str\nout_bool = in_bool\n"
        "out_array = in_array\nout_matrix = in_matrix\nout_frame = in_frame\n"
        "import numpy, pandas\n"
        "kinds = ' '.join(type(v).__name__ for v in "
        "(in_int, in_float, in_str, in_bool, in_array, in_matrix, in_frame))\n"
    )


TYPES = {
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "array": np.array,
    "matrix": np.matrix,
    "frame": pd.DataFrame,
}


def login(**given):
    clients["admin"] = client(**given)
    return (
        clients["admin"]._http_client.authorization[:10]
        if hasattr(clients["admin"], "_http_client")
        else "Bearer"
    )


def wrong_login():
    return refusal(lambda: client("admin", "Wrong-pass-1"))


def bad_token(token):
    return refusal(lambda: client(auth=token).list_services())


def deploy_add(version="1.0", slope=2.0):
    service = clients["admin"].deploy_service(
        "add",
        version=version,
        description="adds two numbers",
        code_fn=add,
        init_fn=init,
        models={"model": Model(slope, 1.0)},
        objects={"extra": 0.5},
        inputs={"x": float, "y": float},
        outputs={"answer": float},
        artifacts=["a.txt"],
    )
    return {"class": type(service).__name__, "method": hasattr(service, "add")}


def response(result, *outputs):
    return {
        "outputs": {name: result.output(name) for name in outputs},
        "console": result.console_output,
        "error": result.error,
        "raw": result.raw_outputs,
        "artifacts": result.artifacts,
    }


def consume_add(x=1.0, y=2.0):
    service = clients["admin"].get_service("add", version="1.0")
    positional, named = service.add(x, y), service.add(y=y, x=x)
    seen = response(positional, "answer")
    seen["named"] = named.output("answer")
    seen["artifact"] = positional.artifact("a.txt").decode()
    return seen


def declared_artifact_missing():
    service = clients["admin"].deploy_service(
        "absent",
        version="1",
        code_fn=without_artifact,
        inputs={"x": int},
        outputs={"answer": int},
        artifacts=["never.txt"],
    )
    return service.without_artifact(3).artifacts


def failing_code():
    service = clients["admin"].deploy_service(
        "failing",
        version="1",
        code_fn=failing,
        inputs={"x": int},
        outputs={"answer": int},
    )
    return [response(service.failing(-1), "answer"), response(service.failing(4), "answer")]


def seven_types():
    service = clients["admin"].deploy_service(
        "echo",
        version="1",
        code_str=echo_code(),
        alias="echo",
        inputs={"in_" + name: kind for name, kind in TYPES.items()},
        outputs={"out_" + name: kind for name, kind in TYPES.items()} | {"kinds": str},
    )
    frame = pd.DataFrame({"z": [1, 2], "a": ["grün", "日本"], "m": [0.5, 1.5]})
    sent = [7, 2.5, "Füße 🦶", True, np.array([1.5, 2.0]), np.matrix([[1, 2], [3, 4]]), frame]
    result = service.echo(*sent)
    got = [result.output("out_" + name) for name in TYPES]
    equal = [
        got[0] == 7,
        got[1] == 2.5,
        got[2] == "Füße 🦶",
        got[3] is True,
        bool((got[4] == sent[4]).all()),
        bool((got[5] == sent[5]).all()),
        got[6].equals(frame),
    ]
    return {
        "error": result.error,
        "equal": equal,
        "types": [type(value).__name__ for value in got],
        "columns": list(got[6].columns),
        "kinds": result.output("kinds"),
    }


def five_inputs():
    names = ["p", "q", "r", "s", "t"]
    service = clients["admin"].deploy_service(
        "five",
        version="1",
        code_str="total = p + q + r + s + t",
        inputs=dict.fromkeys(names, float),
        outputs={"total": float},
    )
    return service.consume(1, 2, 3, 4, 5).output("total")


def without_inputs():
    service = clients["admin"].deploy_service(
        "constant",
        version="1",
        code_fn=no_inputs,
        outputs={"answer": int},
    )
    plain = clients["admin"].deploy_service(
        "plain", version="1", code_str="answer = 'hello'", outputs={"answer": str}
    )
    return [service.no_inputs().output("answer"), plain.consume().output("answer")]


def deploy_again():
    return refusal(deploy_add)


def without_version():
    first = clients["admin"].deploy_service("draft", code_str="a = 1", outputs={"a": int})
    second = clients["admin"].deploy_service("draft", code_str="a = 2", outputs={"a": int})
    newest = clients["admin"].get_service("draft")
    return [one.capabilities()["version"] for one in (first, second, newest)] + [
        newest.consume().output("a")
    ]


def lists():
    admin = clients["admin"]
    for version in ("1", "2", "10"):
        admin.deploy_service("listed", version=version, code_str="a = 1", outputs={"a": int})
    return {
        "all": sorted({one["name"] for one in admin.list_services()}),
        "versions": [one["version"] for one in admin.list_services("listed")],
        "one": [one["version"] for one in admin.list_services("listed", version="2")],
        "none": admin.list_services("nobody"),
        "unknown": refusal(lambda: admin.list_services("listed", version="99")),
    }


def unknown_service():
    return refusal(lambda: clients["admin"].get_service("nobody"))


def capabilities():
    return clients["admin"].get_service("add", version="1.0").capabilities()


def swagger():
    return clients["admin"].get_service("add", version="1.0").swagger()


def redeploy_code():
    admin = clients["admin"]
    before = admin.get_service("add", version="1.0").capabilities()
    service = admin.redeploy_service(
        "add",
        version="1.0",
        code_fn=add,
        init_fn=init,
        models={"model": Model(100.0, 0.0)},
        objects={"extra": 0.5},
        inputs={"x": float, "y": float},
        outputs={"answer": float},
        artifacts=["a.txt"],
    )
    return {
        "answer": service.add(1.0, 2.0).output("answer"),
        "same_version": service.capabilities()["version"] == before["version"],
        "same_creation": service.capabilities()["creation_time"] == before["creation_time"],
    }


def redeploy_description():
    admin = clients["admin"]
    service = admin.redeploy_service("add", version="1.0", description="now described anew")
    return [service.capabilities()["description"], service.add(1.0, 2.0).output("answer")]


def redeploy_unknown():
    return refusal(lambda: clients["admin"].redeploy_service("add", version="77", description="x"))


def delete():
    admin = clients["admin"]
    return [
        admin.delete_service("add", version="1.0"),
        refusal(lambda: admin.delete_service("add", version="1.0")),
        refusal(lambda: admin.delete_service("add")),
    ]


def shown(value):
    return value.tolist() if hasattr(value, "tolist") else str(value)


def main():
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    for line in sys.stdin:
        name, arguments = json.loads(line)
        try:
            answer = {"observed": globals()[name](**arguments)}
        except Exception:
            answer = {"unexpected": traceback.format_exc()}
        print(json.dumps(answer, default=shown), flush=True)


if __name__ == "__main__":
    main()
