#!/usr/bin/env python3
"""Writes Tests/Fixtures/analysis/statistics.json: what scipy and statsmodels say. Needs `pip install scipy statsmodels`."""
import json, pathlib
import numpy as np, scipy, statsmodels
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

random = np.random.default_rng(0)
out = {"versions": {"scipy": scipy.__version__, "statsmodels": statsmodels.__version__, "numpy": np.__version__}}

out["mcnemar"] = [
    {"only_first": b, "only_second": c, "p": float(mcnemar([[10, b], [c, 5]], exact=True).pvalue),
     "binomial": float(stats.binomtest(min(b, c), b + c, 0.5).pvalue)}
    for b, c in [(0, 1), (1, 5), (3, 3), (10, 21), (0, 40), (130, 171), (1000, 1101), (5000, 5400), (300, 20)]]

out["proportions"] = [
    {"successes": k, "trials": n, "level": level,
     "wilson": [float(v) for v in proportion_confint(k, n, 1 - level, "wilson")],
     "clopper_pearson": [float(v) for v in proportion_confint(k, n, 1 - level, "beta")]}
    for k, n, level in [(0, 10, .95), (10, 10, .95), (1, 30, .95), (9107, 10000, .95), (5000, 10000, .99), (7, 8, .9),
                        (49999, 50000, .95)]]

out["correlations"] = []
for kind in ["normal", "ties", "short"]:
    n = 5 if kind == "short" else 40
    x = random.normal(size=n)
    y = .5 * x + random.normal(size=n)
    if kind == "ties":
        x, y = np.round(x), np.round(y)
    p, s = stats.pearsonr(x, y), stats.spearmanr(x, y)
    out["correlations"].append({"x": x.tolist(), "y": y.tolist(), "ranks": stats.rankdata(x).tolist(),
                                "pearson": [p.statistic, p.pvalue], "spearman": [s.statistic, s.pvalue]})

ps = [.01, .04, .03, .005, .04, .9]
out["holm"] = {"p": ps, "adjusted": multipletests(ps, method="holm")[1].tolist()}

# A skewed sample, so that percentile and BCa differ; many resamples, so that only the method is compared.
values = np.round(random.exponential(size=50) ** 2, 4)
out["bootstrap"] = {"values": values.tolist()}
for method in ["percentile", "BCa"]:
    ci = stats.bootstrap((values,), np.mean, n_resamples=200_000, method=method, random_state=1, batch=1000).confidence_interval
    out["bootstrap"][method] = [float(ci.low), float(ci.high)]

# Differences of fractions, as of accuracies over 15 corruptions at 5 severities, and of two models right or wrong: signs flipped at random.
out["sign_flip"] = []
for name, d in [("fractions", np.round(random.normal(.012, .1, size=300) * 75) / 75), ("none", np.round(random.normal(0, .2, size=200) * 75) / 75),
                ("mcnemar", random.choice([-1., 0., 0., 0., 1.], size=100))]:
    p = stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=400_000, random_state=2, batch=2000).pvalue
    out["sign_flip"].append({"name": name, "differences": d.tolist(), "p": float(p)})

path = pathlib.Path(__file__).parent.parent / "Tests/Fixtures/analysis/statistics.json"
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps(out, indent=1) + "\n")
