"""Says from which cultivar a wine was made, by four measurements."""

import pickle
from pathlib import Path

import pandas as pd

model = None


def init():
    """Load the model once, when the worker starts."""
    global model
    model = pickle.loads(Path(__file__).with_name("model.pkl").read_bytes())


def run(alcohol: float, flavanoids: float, color_intensity: float, proline: float) -> int:
    """Return the cultivar: 0, 1 or 2."""
    names = ["alcohol", "flavanoids", "color_intensity", "proline"]
    one = pd.DataFrame([[alcohol, flavanoids, color_intensity, proline]], columns=names)
    return int(model.predict(one)[0])
