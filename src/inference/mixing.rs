//! Style mixing: a picture of one w in some layers and of another in the rest (Karras et al., 1812.04948, section 3.1).

use super::generator::Generator;
use crate::error::Result;

/// Every w of `rows` with every w of `columns`, `[count, dim]` each, as pictures: the rows' own, `[rows, numbers]`, the columns' own,
/// `[columns, numbers]`, and `[rows, columns, numbers]` that have the column's w in these `layers`, the row's in the others.
///
/// # Errors
/// When [`Generator::synthesise`] fails.
pub fn mixed(
    generator: &mut Generator,
    [rows, columns]: [&[f32]; 2],
    layers: &[usize],
) -> Result<[Vec<f32>; 3]> {
    let (dim, count) = (generator.config.latent.dim, generator.layers());
    let mut styles = [generator.everywhere(rows), generator.everywhere(columns)].concat();
    for row in rows.chunks_exact(dim) {
        for column in columns.chunks_exact(dim) {
            for layer in 0..count {
                styles.extend_from_slice(if layers.contains(&layer) { column } else { row });
            }
        }
    }
    let mut own = generator.synthesise(&styles)?;
    let numbers = generator.display.shape.len();
    let mut others = own.split_off(rows.len() / dim * numbers);
    let crossed = others.split_off(columns.len() / dim * numbers);
    Ok([own, others, crossed])
}
