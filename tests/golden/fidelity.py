#!/usr/bin/env python3
"""Errors between pictures by NumPy and SciPy, and bicubic resizing by Pillow: `tests/library/fidelity.rs` compares its own
with them.

    python3 fidelity.py        prints the lines that stand at this file's end (numpy 2, scipy 1.17, Pillow 13, float64)
"""
import numpy as np
from PIL import Image
from scipy.signal import convolve2d

from ten_steps import uniform

HEIGHT, WIDTH = 20, 24


def picture(name, shape):
    return np.floor(256 * uniform(name, shape).double().numpy()).astype(np.uint8)


def ssim(a, b):
    """Wang et al. 2004 of one channel, a peak of 1, as skimage's structural_similarity with gaussian_weights=True,
    use_sample_covariance=False, data_range=1."""
    x = np.arange(11) - 5
    bell = np.exp(-x**2 / (2 * 1.5**2))
    window = np.outer(bell, bell) / bell.sum() ** 2
    mean = lambda x: convolve2d(x, window, mode="valid")
    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    return (((2 * ma * mb + c1) * (2 * cov + c2)) / ((ma**2 + mb**2 + c1) * (va + vb + c2))).mean()


def lab(rgb):
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    m = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
    t = linear @ m.T / np.array([0.95047, 1.0, 1.08883])
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def main():
    a = picture("picture", (HEIGHT, WIDTH, 3))
    other = picture("other picture", (HEIGHT, WIDTH, 3))
    b = ((3 * a.astype(int) + other) // 4).astype(np.uint8)
    x, y = a / 255, b / 255
    psnr = -10 * np.log10(((x - y) ** 2).mean())
    mean = np.mean([ssim(x[..., c], y[..., c]) for c in range(3)])
    print(f"#= channels {np.abs(x - y).mean():.10f} {psnr:.10f} {mean:.10f}")
    luma = lambda p: ((16 + p @ np.array([65.481, 128.553, 24.966])) / 255)[4:-4, 4:-4]
    p, q = luma(x), luma(y)
    print(f"#= luma {-10 * np.log10(((p - q) ** 2).mean()):.10f} {ssim(p, q):.10f}")
    p, q = lab(x), lab(y)
    error = np.sqrt(((p - q)[..., 1:] ** 2).mean())
    print(f"#= colour {error:.10f} {np.hypot(p[..., 1], p[..., 2]).mean():.10f} {np.hypot(q[..., 1], q[..., 2]).mean():.10f}")

    numbers = lambda image: " ".join(str(v) for v in np.array(image).flatten())
    print("#= smaller", numbers(Image.fromarray(a).resize((WIDTH // 4, HEIGHT // 4), Image.BICUBIC)))
    small = Image.fromarray(picture("small picture", (2, 3)))
    print("#= larger", numbers(small.resize((12, 8), Image.BICUBIC)))


if __name__ == "__main__":
    main()

#= channels 0.0817837691 19.9805403908 0.9255181034
#= luma 24.0650076881 0.9240222442
#= colour 14.8191416199 57.1905518506 47.1855949196
#= smaller 127 152 122 145 125 137 136 121 173 135 156 133 129 149 128 118 154 144 146 116 135 121 112 159 131 123 127 151 147 128 126 150 93 115 154 135 164 143 146 122 117 145 118 109 123 150 109 147 133 112 114 129 144 98 155 111 128 138 110 143 132 111 132 128 102 124 113 142 112 102 111 115 114 142 109 143 99 123 134 134 117 128 136 129 133 131 134 131 128 145
#= larger 145 140 127 101 70 47 53 90 133 167 186 194 144 139 126 100 68 46 51 86 128 162 180 187 141 136 123 97 65 41 46 78 117 149 166 173 137 131 118 91 59 34 35 62 97 125 140 146 131 125 111 85 51 24 23 45 73 97 109 114 127 120 106 79 45 17 12 29 53 73 83 87 124 117 103 76 42 12 7 21 42 60 69 73 123 116 102 75 40 11 5 17 37 55 63 66
