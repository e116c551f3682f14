//! Data as a configuration asks for them.

use gansaku::config::{ConfigBuilder, Data, Source};
use std::path::Path;

/// What lies at a path, pictures resized to 8×8.
pub fn asked(source: Source, path: &Path) -> Data {
    let data = ConfigBuilder::recipe("digits").and_then(ConfigBuilder::finish).expect("a recipe").data;
    Data { source, path: Some(path.to_path_buf()), size: 8, ..data }
}
