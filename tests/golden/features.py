#!/usr/bin/env python3
"""Metrics in feature spaces and of pictures by NumPy, SciPy, scikit-learn and scikit-image on fixed data:
`tests/library/features.rs` compares its own with them.

    python3 features.py    prints the lines that stand at this file's end (numpy 2, scipy 1.17, scikit-learn 1.9,
                           scikit-image 0.26, float64)
"""
import numpy as np
from scipy.linalg import sqrtm
from scipy.ndimage import correlate1d
from scipy.spatial.distance import pdist
from skimage.metrics import structural_similarity
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors

from eval import DIM, cloud
from ten_steps import normal, uniform


def frechet(a, b):
    root = sqrtm(np.cov(a.T) @ np.cov(b.T)).real
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * root)


def mmd(a, b):
    kernel = lambda x, y: polynomial_kernel(x, y, degree=3, gamma=1 / DIM, coef0=1)
    n = len(a)
    own = sum(k.sum() - np.trace(k) for k in (kernel(a, a), kernel(b, b))) / (n * (n - 1))
    return own - 2 * kernel(a, b).mean()


def prdc(real, fake, k):
    radius = lambda x: NearestNeighbors(n_neighbors=k + 1).fit(x).kneighbors(x)[0][:, -1]
    distance = np.sqrt(((real[:, None] - fake[None]) ** 2).sum(-1))
    in_real, in_fake = distance < radius(real)[:, None], distance < radius(fake)[None]
    covered = distance.min(1) < radius(real)
    return in_real.any(0).mean(), in_fake.any(1).mean(), in_real.sum() / (k * len(fake)), covered.mean(), covered


def ms_ssim(a, b):
    """MS-SSIM of two square pictures; the single-scale part is checked against scikit-image's."""
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
    scales = sum(len(a) >> s >= 11 for s in range(5))
    weights = weights[:scales] / weights[:scales].sum()
    taps = np.exp(-0.5 * ((np.arange(11) - 5) / 1.5) ** 2)
    taps /= taps.sum()
    blur = lambda x: correlate1d(correlate1d(x, taps, axis=0), taps, axis=1)[5:-5, 5:-5]
    product = 1
    for scale in range(scales):
        if scale:
            a, b = (x[: len(x) // 2 * 2, : len(x) // 2 * 2].reshape(len(x) // 2, 2, len(x) // 2, 2).mean((1, 3)) for x in (a, b))
        ma, mb = blur(a), blur(b)
        va, vb, cov = blur(a * a) - ma ** 2, blur(b * b) - mb ** 2, blur(a * b) - ma * mb
        cs = (2 * cov + 9e-4) / (va + vb + 9e-4)
        ssim = cs * (2 * ma * mb + 1e-4) / (ma ** 2 + mb ** 2 + 1e-4)
        theirs = structural_similarity(a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
                                       data_range=1, full=True)[1][5:-5, 5:-5]
        assert np.abs(ssim - theirs).max() < 1e-9
        product *= max(ssim.mean() if scale + 1 == scales else cs.mean(), 0) ** weights[scale]
    return product


def pictures(name, count, side):
    """Smooth random pictures, each like the one before it where its number is odd."""
    x = uniform(name, (count, side, side)).double().numpy()
    x[1::2] = 0.7 * x[::2] + 0.3 * x[1::2]
    return x.astype(np.float32).astype(np.float64)


def main():
    a, b = cloud("a", 400), cloud("b", 300)
    b = (b + 0.1).astype(np.float32).astype(np.float64)
    print(f"#= frechet {frechet(a, b):.10f}")
    blocks = [mmd(a[i:i + 100], b[i:i + 100]) for i in range(0, 300, 100)]
    print(f"#= kid {np.mean(blocks):.10f} {np.std(blocks, ddof=1) / np.sqrt(3):.10f}")
    precision, recall, density, coverage, covered = prdc(a, b, 5)
    print(f"#= prdc {precision:.10f} {recall:.10f} {density:.10f} {coverage:.10f}")

    labels = (uniform("labels", (400,)).double().numpy() ** 2 * 4).astype(int)
    other = (uniform("other", (300,)).double().numpy() * 4).astype(int)
    p, q = np.bincount(other, minlength=4) / 300, np.bincount(labels, minlength=4) / 400
    each = [covered[labels == c].mean() for c in range(4)]
    print(f"#= classes {(p * np.log(p / q)).sum():.10f} " + " ".join(f"{x:.10f}" for x in each))

    stacks = (uniform("stacks", (9000,)).double().numpy() ** 1.5 * 10).astype(int).reshape(3000, 3)
    h = np.bincount(stacks @ [100, 10, 1], minlength=1000)
    p = h[h > 0] / h.sum()
    print(f"#= stacked {(h > 0).sum()} {(p * np.log(1000 * p)).sum():.10f}")

    for side in (28, 49):
        x = pictures(f"pictures/{side}", 20, side)
        each = [ms_ssim(x[i], x[i + 1]) for i in range(0, 20, 2)]
        print(f"#= ms-ssim/{side} {np.mean(each):.10f} {np.std(each, ddof=1) / np.sqrt(10):.10f}")

    d = pdist(a)
    n = (d < 1.0).sum()
    print(f"#= birthday {n} {len(d)} {len(d) / n:.10f} {np.sqrt(2 * np.log(2) * len(d) / n):.10f}")


if __name__ == "__main__":
    main()

#= frechet 0.3177841549
#= kid 0.1111092606 0.0562209001
#= prdc 0.8166666667 0.8600000000 0.8400000000 0.8875000000
#= classes 0.1313257658 0.8974358974 0.8375000000 0.9523809524 0.8548387097
#= stacked 878 0.4149713116
#= ms-ssim/28 0.8801888400 0.0051298054
#= ms-ssim/49 0.8896714364 0.0053308573
#= birthday 26 79800 3069.2307692308 65.2292672683
