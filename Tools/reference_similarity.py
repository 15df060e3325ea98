#!/usr/bin/env python3
"""Writes Tests/Fixtures/analysis/similarity.json: similarities, clusters and predictors by NumPy, SciPy and scikit-learn.

    python Tools/reference_similarity.py      # needs numpy, scipy, scikit-learn
"""
import json, pathlib

import numpy as np
import scipy, sklearn
from scipy.interpolate import CubicSpline
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import jensenshannon, squareform
from scipy.special import softmax
from scipy.stats import entropy
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

rng = np.random.default_rng(7)


def outputs():
    """Three models of 12 images and 5 classes; the last two are alike."""
    z = rng.normal(size=(3, 12, 5)).astype(np.float32) * 2
    z[2] = z[1] + rng.normal(size=z[1].shape).astype(np.float32) * 1e-3
    pairs = []
    for i, j in [(0, 1), (0, 2), (1, 2)]:
        p, q = softmax(z[i].astype(float), 1), softmax(z[j].astype(float), 1)
        pairs.append({
            "a": i, "b": j,
            "kl": np.mean([(entropy(a, b) + entropy(b, a)) / 2 for a, b in zip(p, q)]),
            "js": np.mean([jensenshannon(a, b) ** 2 for a, b in zip(p, q)]),
            "mse": np.mean(((z[i].astype(float) - z[j]) ** 2).sum(1)),
            "disagreement": np.mean(z[i].argmax(1) != z[j].argmax(1)),
            "cka": cka(z[i], z[j]),
        })
    return {"logits": z.reshape(3, -1).tolist(), "shape": [12, 5], "pairs": pairs}


def cka(x, y):
    x, y = x - x.astype(float).mean(0), y - y.astype(float).mean(0)
    return (x.T @ y).__pow__(2).sum() / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y)


def clusters():
    points = rng.normal(size=(9, 3))
    d = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1)).round(6)
    d = (d + d.T) / 2
    z = linkage(squareform(d, checks=False), "average")
    return {"distances": d.ravel().tolist(), "count": 9, "merges": z.tolist()}


def regressions():
    x = rng.normal(size=(60, 3))
    p = 1 / (1 + np.exp(-(x @ [1.5, -0.7, 0.2] + 0.4)))
    y = rng.random(60) < p
    gain = x @ [2.0, 0.5, -1.0] + rng.normal(size=60) * 0.3 + 0.7
    logistic = {}
    ridge = {}
    for c in (1.0, 0.1):
        fit = LogisticRegression(C=c, tol=1e-12, max_iter=10000, solver="newton-cholesky").fit(x, y)
        logistic[str(c)] = fit.coef_[0].tolist() + fit.intercept_.tolist()
        fit = Ridge(alpha=1 / c).fit(x, gain)
        ridge[str(c)] = fit.coef_.tolist() + [float(fit.intercept_)]
    guess = p.round(1)  # with ties
    return {
        "x": x.ravel().tolist(), "width": 3, "y": y.tolist(), "gain": gain.tolist(), "logistic": logistic, "ridge": ridge,
        "probabilities": guess.tolist(), "auc": roc_auc_score(y, guess), "brier": brier_score_loss(y, guess),
        "log_loss": log_loss(y, guess.clip(1e-15, 1 - 1e-15)),
    }


def calibration():
    """Log odds with ties, outcomes that follow them but for a slope and a bend; recalibrated, and how good they are."""
    z = (rng.normal(size=120) * 2).round(1) + 0.03  # ties, none on an edge of a bin
    y = rng.random(120) < 1 / (1 + np.exp(-(0.6 * z + 0.5 + 0.1 * z**2)))
    platt = LogisticRegression(C=1e9, tol=1e-14, max_iter=10000, solver="newton-cholesky").fit(z[:, None], y)
    margin = 0.5 / len(z)
    steps = IsotonicRegression(y_min=margin, y_max=1 - margin, out_of_bounds="clip").fit(z, y)
    at = np.concatenate([np.linspace(-8, 8, 33), z[:10]])
    p = 1 / (1 + np.exp(-z))
    rate = np.full(len(y), y.mean())
    observed, predicted = calibration_curve(y, p, n_bins=10)
    return {
        "log_odds": z.tolist(), "outcomes": y.tolist(), "at": at.tolist(),
        "slope": float(platt.coef_[0, 0]), "intercept": float(platt.intercept_[0]),
        "platt": platt.predict_proba(at[:, None])[:, 1].tolist(), "isotonic": steps.predict(at).tolist(),
        "chances": p.tolist(), "log_loss": log_loss(y, p), "log_loss_of_base_rate": log_loss(y, rate),
        "brier": brier_score_loss(y, p), "brier_of_base_rate": brier_score_loss(y, rate), "auc": roc_auc_score(y, p),
        "predicted": predicted.tolist(), "observed": observed.tolist(),
    }


def spline():
    """The natural cubic through the knots' values, straight beyond them: what a natural spline with as many knots must reproduce."""
    x = np.exp(rng.normal(size=80)).round(6)
    u = np.log(x)
    z = (u - u.mean()) / u.std()
    knots = np.quantile(z, [0.05, 0.35, 0.65, 0.95])
    values = np.array([1.0, -0.5, 2.0, 0.3])
    curve = CubicSpline(knots, values, bc_type="natural")
    at = np.linspace(-4, 4, 41)
    inside = curve(at)
    low, high = knots[0], knots[-1]
    y = np.where(at < low, curve(low) + curve(low, 1) * (at - low), inside)
    y = np.where(at > high, curve(high) + curve(high, 1) * (at - high), y)
    return {"x": x.tolist(), "knots": knots.tolist(), "at_knots": np.exp(knots * u.std() + u.mean()).tolist(),
            "values": values.tolist(), "at": np.exp(at * u.std() + u.mean()).tolist(), "curve": y.tolist()}


path = pathlib.Path(__file__).parent.parent / "Tests/Fixtures/analysis/similarity.json"
path.write_text(json.dumps({
    "versions": {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__},
    "outputs": outputs(), "clusters": clusters(), "regressions": regressions(), "calibration": calibration(),
    "spline": spline(),
}) + "\n")
print(path, path.stat().st_size, "bytes")
