"""The peer: FastAPI under uvicorn, doing the same arithmetic behind the same kind of token."""

import os

import numpy as np
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel

WEIGHTS = np.array([0.1, 0.2, 0.3, 0.4])
TOKENS = {"Bearer " + os.environ["BENCH_TOKEN"]}
app = FastAPI()


class Inputs(BaseModel):
    """The call's body."""

    data: list[float]


async def caller(authorization: str = Header()) -> str:
    """Refuse a call without a known token."""
    if authorization not in TOKENS:
        raise HTTPException(401)
    return authorization


@app.post("/api/dot/1.0")
async def score(inputs: Inputs, _caller: str = Depends(caller)) -> dict[str, float]:
    """Return the weighted sum."""
    return {"result": float(WEIGHTS @ np.asarray(inputs.data))}
