#!/usr/bin/env python3
"""What D sees of pictures, transform by transform, picture by picture, in NumPy: `tests/library/augmenter.rs` compares its own
with it.

The random numbers are gansaku's, drawn with the functions of `ten_steps.py`; what is made of them is written here from the
papers: ADA's (2006.06676, appendix B) as products of 4x4 matrices in the order of its code, with the angle of a hue and the
rounding of a shift as such; DiffAugment's (2006.10738) as its code has them, one picture at a time.

Twelve pictures of 16x16 (12x10 where not turned) on [-1, 1], or [0, 1] where a case ends in `unit`; p = .7. A line has three
numbers a picture: the sums of its numbers times cos(k i / 7), k = 1, 2, 3, i counting them as they lie in memory.

    python3 augmenter.py        prints the lines that stand at this file's end (numpy 2.4.6, float64)
"""
import math

import numpy as np

import ten_steps

ROWS, P = 12, 0.7


def uniform(name, *shape):
    return ten_steps.uniform(f"augment/d/{name}", shape).numpy().astype(np.float64)


def normal(name, *shape):
    return ten_steps.normal(f"augment/d/{name}", shape).numpy().astype(np.float64)


def pictures(shape, unit):
    u = ten_steps.uniform("golden pictures", (ROWS, *shape)).numpy().astype(np.float64)
    return u if unit else 2 * u - 1


# ---- ADA ----

def blit(x):
    u, n = uniform("blit", ROWS, 7), x.shape[1]
    out = []
    for picture, (flips, turns, shifts, flip, quarters, down, across) in zip(x, u):
        if flips < P and math.floor(2 * flip) == 1:
            picture = picture[:, ::-1]
        if turns < P:
            picture = np.rot90(picture, math.floor(4 * quarters))
        if shifts < P:
            by = [round((2 * t - 1) * 0.125 * n) for t in (down, across)]
            framed = np.pad(picture, ((n // 2,) * 2, (n // 2,) * 2, (0, 0)), mode="reflect")
            top, left = (n // 2 + b for b in by)
            picture = framed[top:top + n, left:left + n]
        out.append(picture)
    return np.stack(out)


def colour_matrix(u, v, grey):
    """The product of the drawn 4x4 matrices, each from the left."""
    axis = np.array([1, 1, 1, 0]) / math.sqrt(3)
    luma = np.outer(axis, axis)
    C = np.eye(4)
    if u[0] < P:
        M = np.eye(4)
        M[:3, 3] = v[0] * 0.2
        C = M @ C
    if u[1] < P:
        C = np.diag([2 ** (v[1] * 0.5)] * 3 + [1]) @ C
    if u[2] < P and math.floor(2 * u[5]) == 1:
        C = (np.eye(4) - 2 * luma) @ C
    if u[3] < P and not grey:
        angle = math.atan2(v[4], v[3])
        x, y, z = axis[:3]
        c, s = math.cos(angle), math.sin(angle)
        R = np.eye(4)
        R[:3, :3] = (c * np.eye(3) + (1 - c) * luma[:3, :3]
                     + s * np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]))
        C = R @ C
    if u[4] < P and not grey:
        C = (luma + (np.eye(4) - luma) * 2 ** v[2]) @ C
    return C


def colour(x, unit):
    u, v = uniform("colour", ROWS, 6), normal("colour amounts", ROWS, 5)
    out = []
    for picture, a, b in zip(2 * x - 1 if unit else x, u, v):
        C = colour_matrix(a, b, picture.shape[2] == 1)
        if picture.shape[2] == 1:
            mean = C[:3].mean(0)
            picture = picture * mean[:3].sum() + mean[3]
        else:
            picture = picture @ C[:3, :3].T + C[:3, 3]
        out.append((picture + 1) / 2 if unit else picture)
    return np.stack(out)


def noise(x, unit):
    happens, strength = uniform("noise", ROWS, 1), normal("noise strength", ROWS, 1)
    numbers = normal("noise numbers", *x.shape)
    out = [picture + (abs(s[0]) * 0.1 * (0.5 if unit else 1) * n if h[0] < P else 0)
           for picture, h, s, n in zip(x, happens, strength, numbers)]
    return np.stack(out)


# ---- DiffAugment ----

def diff_colour(x, unit):
    u = uniform("diff-colour", ROWS, 6)
    out = []
    for picture, a in zip(2 * x - 1 if unit else x, u):
        if a[0] < P:
            picture = picture + (a[3] - 0.5)
        if a[1] < P:
            mean = picture.mean(2, keepdims=True)
            picture = (picture - mean) * (2 * a[4]) + mean
        if a[2] < P:
            mean = picture.mean()
            picture = (picture - mean) * (a[5] + 0.5) + mean
        out.append((picture + 1) / 2 if unit else picture)
    return np.stack(out)


def diff_translation(x):
    u = uniform("diff-translation", ROWS, 3)
    height, width, _ = x.shape[1:]
    out = np.zeros_like(x)
    for row, (happens, *places) in enumerate(u):
        most = [int(n * 0.125 + 0.5) for n in (height, width)]
        by = [math.floor(t * (2 * m + 1)) - m if happens < P else 0 for t, m in zip(places, most)]
        for i in range(height):
            for j in range(width):
                if 0 <= i + by[0] < height and 0 <= j + by[1] < width:
                    out[row, i, j] = x[row, i + by[0], j + by[1]]
    return out


def cutout(x):
    u, out = uniform("cutout", ROWS, 3), x.copy()
    for picture, (happens, *middles) in zip(out, u):
        if happens < P:
            spans = []
            for n, t in zip(picture.shape, middles):
                side = int(n * 0.5 + 0.5)
                offset = math.floor(t * (n + 1 - side % 2))
                first = offset - side // 2
                spans.append(slice(max(first, 0), max(min(first + side, n), 0)))
            picture[spans[0], spans[1]] = 0
    return out


def line(case, x):
    flat = x.reshape(ROWS, -1)
    i = np.arange(flat.shape[1])
    sums = [flat @ np.cos(k * i / 7) for k in (1, 2, 3)]
    print(f"#= {case}", *(f"{v:.6f}" for v in np.stack(sums, 1).reshape(-1)))


if __name__ == "__main__":
    square, oblong, grey = (16, 16, 3), (12, 10, 3), (16, 16, 1)
    line("blit", blit(pictures(square, False)))
    line("colour", colour(pictures(square, False), False))
    line("colour-unit", colour(pictures(square, True), True))
    line("colour-grey", colour(pictures(grey, False), False))
    line("noise-unit", noise(pictures(square, True), True))
    line("diff-colour", diff_colour(pictures(oblong, False), False))
    line("diff-colour-unit", diff_colour(pictures(oblong, True), True))
    line("diff-translation", diff_translation(pictures(oblong, False)))
    line("cutout", cutout(pictures(oblong, False)))
    every = colour(blit(pictures(square, False)), False)
    every = diff_translation(diff_colour(every, False))
    line("every", cutout(noise(every, False)))

#= blit -20.503409 -14.860113 -1.396743 2.260424 1.153027 13.980184 4.466425 -15.748898 -12.462325 3.717985 7.958696 -2.244750 3.829303 -5.622717 6.234225 15.099423 -14.072216 7.017670 -4.667734 1.616605 -11.011014 -7.226163 15.093699 -9.187965 6.759991 -1.610655 -8.020806 0.824091 -0.326011 20.243363 13.435018 -2.306140 17.490881 7.647542 22.678505 -3.861535
#= colour 0.896769 -10.179771 4.098816 -10.671451 8.121620 1.882050 -3.851807 14.701949 -19.306354 4.173429 -1.677813 0.479529 13.142173 11.282891 7.552232 15.745083 -10.170787 4.072292 -7.315224 2.960985 -31.993806 -14.764766 4.940832 17.432472 -13.640290 -21.400359 34.073321 3.574659 -10.281738 -0.790134 -3.512674 -16.186425 -1.490962 2.248805 13.390067 -3.805261
#= colour-unit 1.776620 -5.868395 3.247876 -4.007489 3.282300 2.139493 -0.597668 6.572465 -8.454708 3.414951 -1.617416 1.438233 7.899323 4.862936 4.974585 9.200778 -5.863903 3.234614 -2.329376 0.701983 -14.798434 -6.054147 1.691906 9.914704 -5.491909 -11.478689 18.235129 3.115566 -5.919379 0.803401 -0.428101 -8.871722 0.452987 2.452638 5.916524 -0.704162
#= colour-grey -0.495781 -6.700204 4.493869 10.320191 -1.573126 -2.380846 7.438759 -5.640652 1.894875 3.919984 1.625999 -0.502150 -11.346002 -13.412230 -4.676844 0.147266 -2.781646 -3.122850 -18.893423 7.731709 -11.156161 14.235841 5.652572 12.529540 17.606159 -10.980047 6.439495 -4.844685 7.095629 -5.390619 -2.733979 13.021988 -0.339972 13.640977 14.956182 2.686183
#= noise-unit 2.831871 -8.873589 3.337548 10.051475 -8.007982 -1.278484 -1.478636 4.571476 -7.647319 5.957948 -1.819544 4.160537 -0.456364 -0.295011 -3.384704 8.724647 -6.579092 5.167457 -0.886960 -1.344455 -4.602948 -5.187725 3.114379 8.394165 -0.927009 -4.590310 12.257460 -0.174480 2.442294 6.383710 4.738374 5.446036 0.189792 2.601025 4.007572 0.556912
#= diff-colour -2.188248 -14.875253 5.264079 5.827216 4.378177 -3.671092 5.156652 3.239395 0.268340 0.606337 -6.703652 3.879893 -10.710492 10.690931 1.026565 10.277506 7.220879 -5.807174 -9.066950 1.421392 -7.771702 1.788396 -10.708190 2.240987 -18.877586 4.470112 -2.806818 -5.951790 -0.814586 2.514095 -4.966117 -3.937156 -7.156492 2.349740 3.057565 13.949506
#= diff-colour-unit 2.264396 -5.750896 2.725687 6.272128 3.875819 -1.741899 5.936846 3.306428 0.227817 3.661689 -1.665095 2.033594 -1.996726 7.032196 0.606930 8.497273 5.297170 -2.809940 -1.174955 2.397427 -3.792204 4.252718 -3.667364 1.214141 -6.080273 3.921786 -1.309762 0.382625 1.279438 1.350695 0.875461 -0.281848 -3.484599 4.533390 3.215513 7.068400
#= diff-translation -1.719106 -16.225095 5.684055 5.906192 3.395989 -2.854028 -7.090749 1.595875 0.108487 2.401292 -11.511695 6.762756 -14.900346 -6.339534 -1.212652 3.592666 -5.195734 -8.014204 -14.506088 -9.012571 5.057326 2.920915 -16.042882 2.702004 6.761635 -4.892507 -5.720333 -6.778112 0.377390 4.585333 -9.934138 -2.788522 -7.932589 1.116619 2.148183 14.081462
#= cutout 2.024381 -7.922986 8.307624 5.906192 3.395989 -2.854028 5.141835 3.293832 1.162735 4.908151 -8.868070 2.273945 -8.054446 4.612023 -3.823372 13.309463 13.470334 -1.265337 -17.556293 3.724522 -7.365518 2.084939 -19.303221 3.155238 -15.611209 5.207088 -4.315720 -6.856155 2.644016 8.114281 -6.278970 -4.119356 -6.793341 1.116619 2.148183 14.081462
#= every -6.311252 -9.193404 -3.323656 -0.149988 -2.752652 -11.018269 6.938969 -6.705447 1.576643 19.440284 3.401669 1.978948 -5.380758 -4.717206 3.449300 -8.609651 3.227744 -13.282968 17.408641 -2.425910 11.453287 -1.235478 10.317696 -8.157697 12.557791 -4.873500 -18.210843 -1.925194 10.893528 -19.836698 -24.914037 -20.741199 -11.721090 10.377442 25.100328 -1.739936
