"""Trains a small model on a real data set: 178 wines, 13 measurements each, 3 cultivars."""

import pickle
from pathlib import Path

from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MODEL = Path("model.pkl")

wine = load_wine(as_frame=True)
measured = wine.data[["alcohol", "flavanoids", "color_intensity", "proline"]]
known, unseen, cultivar, truth = train_test_split(
    measured, wine.target, test_size=0.25, random_state=7, stratify=wine.target
)
model = make_pipeline(StandardScaler(), LogisticRegression())
model.fit(known, cultivar)
MODEL.write_bytes(pickle.dumps(model))
print(f"{MODEL}: right for {model.score(unseen, truth):.0%} of {len(unseen)} wines it never saw")
