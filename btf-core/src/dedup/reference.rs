// SPDX-License-Identifier: MIT OR Apache-2.0

//! Types that say what they refer to: equal if that has become the same (`btf_dedup_ref_type`).

use super::same::{child, children, each_child};
use super::{Dedup, OPEN, UNSEEN};
use crate::words::{index, put, word};
use crate::{Error, ErrorKind, Kind, Type};

/// Words of the stack for each type on the way: its id, and how many of its references were followed.
pub(super) const STEP: usize = 2;

impl<'d> Dedup<'d, '_> {
    pub(super) fn take_references(&mut self) -> Result<(), Error> {
        for ty in self.records.amended.types() {
            if word(self.map, ty.id().0) == Some(UNSEEN) {
                let mut ready = true;
                each_child(&ty, |id| ready &= self.is_mapped(id));
                if ready {
                    self.settle_reference(&ty);
                } else {
                    self.take_reference(ty)?;
                }
            }
        }
        Ok(())
    }

    /// Finds out what stands for `ty`, and first for all that it refers to.
    fn take_reference(&mut self, ty: Type<'d>) -> Result<(), Error> {
        self.stack.clear();
        self.open(&ty)?;
        let (mut ty, mut followed) = (ty, 0);
        loop {
            if let Some(below) = self.next_unseen(&ty, &mut followed)? {
                let too_deep = || ErrorKind::TooDeep.of_type(ty.id());
                self.stack
                    .push([ty.id().0, followed])
                    .ok_or_else(too_deep)?;
                (ty, followed) = (below, 0);
                continue;
            }
            self.settle_reference(&ty);
            match self.stack.pop::<STEP>() {
                Some([above, after]) => (ty, followed) = (self.records.get(above), after),
                None => return Ok(()),
            }
        }
    }

    /// All that `ty` refers to was looked at.
    fn settle_reference(&mut self, ty: &Type<'_>) {
        let hash = self.records.hash(ty, |id| self.resolved(id));
        let stands = self.known(ty, hash).unwrap_or(ty.id().0);
        self.settle(ty, stands, hash);
    }

    /// Opens the next type that `ty` refers to and that was not looked at yet.
    fn next_unseen(
        &mut self,
        ty: &Type<'d>,
        followed: &mut u32,
    ) -> Result<Option<Type<'d>>, Error> {
        let len = children(ty);
        while index(*followed) < len {
            let child = child(ty, index(*followed));
            *followed = followed.saturating_add(1);
            match word(self.map, child) {
                Some(UNSEEN) => {
                    let below = self.records.get(child);
                    self.open(&below)?;
                    return Ok(Some(below));
                }
                Some(OPEN) => return Err(ErrorKind::TooDeep.of_type(ty.id())),
                _ => {}
            }
        }
        Ok(None)
    }

    fn open(&mut self, ty: &Type<'_>) -> Result<(), Error> {
        // All others were looked at before.
        let refers = !matches!(ty.kind(), Kind::STRUCT | Kind::UNION | Kind::TYPEDEF);
        if !refers || children(ty) == 0 {
            return Err(ErrorKind::UnexpectedKind(ty.kind()).of_type(ty.id()));
        }
        put(self.map, ty.id().0, OPEN);
        Ok(())
    }
}
