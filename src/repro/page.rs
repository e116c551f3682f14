//! page
use super::Paper;
use super::outcome::Outcome;
use super::table::Table;
use crate::error::Result;
use std::path::Path;
/// page
pub fn page(_: &Paper, _: &[Table], _: &[Outcome], _: &Path) -> Result<String> {
    Ok(String::new())
}
