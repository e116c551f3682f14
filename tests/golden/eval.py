#!/usr/bin/env python3
"""Metrics by NumPy and SciPy on fixed data: `tests/library/eval.rs` compares its own with them.

    python3 eval.py        prints the lines that stand at this file's end (numpy 2, scipy 1.17, float64)
"""
import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from scipy.stats import wasserstein_distance

from ten_steps import normal, uniform

DIM = 20


def cloud(name, count):
    """Points of [0, 1]^DIM around three corners."""
    corner = (uniform(name + "/corner", (count, 1)).double().numpy() * 3).astype(int)
    x = 0.25 * (corner + 1) + 0.3 * normal(name, (count, DIM)).double().numpy()
    return x.astype(np.float32).astype(np.float64)


def likelihoods(samples, points, sigma):
    d = cdist(points, samples, "sqeuclidean")
    return logsumexp(-d / (2 * sigma ** 2), axis=1) - np.log(len(samples)) - DIM * np.log(sigma * np.sqrt(2 * np.pi))


def main():
    samples, valid, test = cloud("samples", 1300), cloud("valid", 70), cloud("test", 130)
    widths = np.logspace(-1, 0, 10)
    means = [likelihoods(samples, valid, s).mean() for s in widths]
    sigma = widths[int(np.argmax(means))]
    l = likelihoods(samples, test, sigma)
    print(f"#= parzen {sigma:.10f} {max(means):.10f} {l.mean():.10f} {l.std() / np.sqrt(len(l)):.10f}")

    d = cdist(samples[:200], test)
    print(f"#= neighbours {np.median(d.min(1)):.10f} {np.median(cdist(valid, test).min(1)):.10f} {d.argmin(1).sum()}")

    directions = normal("sliced wasserstein", (256, DIM)).double().numpy()
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    a, b = samples[:130] @ directions.T, test @ directions.T
    print(f"#= swd {np.mean([wasserstein_distance(a[:, i], b[:, i]) for i in range(256)]):.10f}")

    points = 5 * (2 * uniform("points", (5000, 2)).double().numpy() - 1)
    points[:3000] = np.round(points[:3000] / 2) * 2 + 0.05 * normal("noise", (3000, 2)).double().numpy()
    points = points.astype(np.float32).astype(np.float64)
    modes = np.array([(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)], dtype=float)
    d = cdist(points, modes)
    good = d.min(1) < 0.15
    h = np.bincount(d.argmin(1)[good], minlength=25)
    p = h / h.sum()
    print(f"#= modes {(h > 0).sum()} {good.mean():.10f} {(p[p > 0] * np.log(25 * p[p > 0])).sum():.10f}")


if __name__ == "__main__":
    main()

#= parzen 0.2782559402 -7.4444973030 -7.4373725125 0.1811590844
#= neighbours 1.3009693204 1.2844407960 12618
#= swd 0.0554011692
#= modes 25 0.6004000000 0.0049417740
