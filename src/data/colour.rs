//! Colour spaces: sRGB, linear light, XYZ and CIE Lab under D65, and the luma that super-resolution is measured on.
//! sRGB is in [0, 1], L in [0, 100], a and b about [−110, 110].

/// Linear sRGB to XYZ (IEC 61966-2-1): rows X, Y, Z.
pub const XYZ_OF_RGB: [[f64; 3]; 3] = [
    [0.412_456_4, 0.357_576_1, 0.180_437_5],
    [0.212_672_9, 0.715_152_2, 0.072_175_0],
    [0.019_333_9, 0.119_192_0, 0.950_304_1],
];
/// XYZ to linear sRGB: the inverse of [`XYZ_OF_RGB`].
pub const RGB_OF_XYZ: [[f64; 3]; 3] = [
    [3.240_454_836_021_408_7, -1.537_138_850_102_575_1, -0.498_531_546_868_481],
    [-0.969_266_389_875_653_8, 1.876_010_928_842_491, 0.041_556_082_346_673_55],
    [0.055_643_419_604_213_67, -0.204_025_854_267_698_18, 1.057_225_162_457_928_8],
];
/// X, Y and Z of D65's white, the sums of the rows of [`XYZ_OF_RGB`].
pub const WHITE: [f64; 3] = [0.950_47, 1.0, 1.088_83];
/// Where Lab's cube root becomes a line, and that line's slope and start.
pub const ROOT_FROM: f64 = 0.008_856;
/// See [`ROOT_FROM`].
pub const SLOPE: f64 = 7.787;
/// See [`ROOT_FROM`].
pub const START: f64 = 16.0 / 116.0;

/// Linear light of an sRGB value.
pub fn linear(x: f64) -> f64 {
    if x <= 0.040_45 { x / 12.92 } else { ((x + 0.055) / 1.055).powf(2.4) }
}

/// The sRGB value of linear light: undoes [`linear`].
pub fn gamma(x: f64) -> f64 {
    if x <= 0.003_130_8 { 12.92 * x } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 }
}

fn times(matrix: &[[f64; 3]; 3], x: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row[0] * x[0] + row[1] * x[1] + row[2] * x[2])
}

/// L, a and b of an sRGB pixel.
pub fn lab(rgb: [f64; 3]) -> [f64; 3] {
    let xyz = times(&XYZ_OF_RGB, rgb.map(linear));
    let root = |i: usize| {
        let t = xyz[i] / WHITE[i];
        if t > ROOT_FROM { t.cbrt() } else { SLOPE * t + START }
    };
    let [x, y, z] = [root(0), root(1), root(2)];
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// The sRGB pixel of L, a and b, cut to [0, 1]: undoes [`lab`] for colours that sRGB has.
pub fn rgb([l, a, b]: [f64; 3]) -> [f64; 3] {
    let y = (l + 16.0) / 116.0;
    let roots = [y + a / 500.0, y, y - b / 200.0];
    let from = ROOT_FROM.cbrt();
    let light = |i: usize| {
        let root: f64 = roots[i];
        WHITE[i] * if root > from { root.powi(3) } else { (root - START) / SLOPE }
    };
    times(&RGB_OF_XYZ, [light(0), light(1), light(2)]).map(|x| gamma(x.max(0.0)).clamp(0.0, 1.0))
}

/// Y of Rec. 601 in studio range over a peak of 255: 16/255 of black, 235/255 of white. Super-resolution is measured on it.
pub fn studio_luma(rgb: [f64; 3]) -> f64 {
    (16.0 + 65.481 * rgb[0] + 128.553 * rgb[1] + 24.966 * rgb[2]) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: [f64; 3], expected: [f64; 3], bound: f64) {
        let worst = found.iter().zip(expected).map(|(f, e)| (f - e).abs()).fold(0.0, f64::max);
        assert!(worst <= bound, "{found:?}, expected {expected:?}");
    }

    #[test]
    fn lab_has_the_known_values() {
        // Lindbloom's calculator for sRGB under D65 without adaptation, to its four digits.
        near(lab([1.0, 0.0, 0.0]), [53.2408, 80.0925, 67.2032], 2e-4);
        near(lab([0.0, 1.0, 0.0]), [87.7347, -86.1827, 83.1793], 2e-4);
        near(lab([0.0, 0.0, 1.0]), [32.2970, 79.1875, -107.8602], 2e-4);
        near(lab([1.0, 1.0, 0.0]), [97.1393, -21.5537, 94.4780], 2e-4);
        // Greys have no colour; black is on the line below the cube root.
        near(lab([1.0; 3]), [100.0, 0.0, 0.0], 2e-5);
        near(lab([0.5; 3]), [53.389_0, 0.0, 0.0], 1e-4);
        near(lab([0.0; 3]), [0.0; 3], 1e-6);
    }

    #[test]
    fn lab_comes_back_to_every_colour() {
        for code in 0..17 * 17 * 17 {
            let pixel = [code % 17, code / 17 % 17, code / 289].map(|x| f64::from(x) / 16.0);
            near(rgb(lab(pixel)), pixel, 1e-4 / 255.0);
        }
        // Beyond sRGB's colours values are cut.
        let strong = rgb([50.0, 110.0, 110.0]);
        assert!(strong.iter().all(|x| (0.0..=1.0).contains(x)) && strong[0] == 1.0, "{strong:?}");
    }

    #[test]
    fn luma_has_studio_range() {
        assert!((studio_luma([0.0; 3]) - 16.0 / 255.0).abs() < 1e-12);
        assert!((studio_luma([1.0; 3]) - 235.0 / 255.0).abs() < 1e-12);
    }
}
