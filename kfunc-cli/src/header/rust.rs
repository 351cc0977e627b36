// SPDX-License-Identifier: MIT OR Apache-2.0
//! x
use super::Part;
use crate::Result;
#[derive(Default)]
pub(super) struct Header {}
impl Header {
    pub(super) fn add(&mut self, _part: &Part<'_>) -> Result<()> {
        Ok(())
    }
    pub(super) fn finish(self, _name: &str) -> Option<String> {
        None
    }
}
