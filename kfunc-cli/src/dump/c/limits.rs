// SPDX-License-Identifier: MIT OR Apache-2.0

//! Bounds on walks through types that may refer to each other in any way.

use btf_core::{At, Btf, Error, ErrorKind, Kind, Section, Type, TypeId};

/// How many types may stand inside one another; those of a kernel need less than 20.
const MAX_DEPTH: u32 = 200;
/// How many pointers, arrays and modifiers one type may have around it; the kernel follows no more than 32.
pub(super) const MAX_CHAIN: usize = 64;
/// Steps for each record and each element; those of a kernel need less than one. What has no name is written out as
/// often as it is used, and can grow without end that way.
const STEPS: u64 = 64;
/// Steps for any BTF, so that small ones may have large gaps.
const FREE_STEPS: u64 = 1 << 20;

/// How far a walk may still go.
#[derive(Debug)]
pub(super) struct Limits {
    depth: u32,
    steps: u64,
}

impl Limits {
    pub(super) fn new(btf: &Btf<'_>) -> Self {
        let size: u64 = all_ids(btf)
            .filter_map(|id| btf.get(id))
            .map(|ty| 1 + elements(&ty))
            .sum();
        Self {
            depth: 0,
            steps: FREE_STEPS + STEPS * size,
        }
    }

    /// One level deeper, at `id`.
    pub(super) fn enter(&mut self, id: TypeId) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(too_deep(id));
        }
        self.step(id)
    }

    /// One step more, at `id`.
    pub(super) fn step(&mut self, id: TypeId) -> Result<(), Error> {
        self.steps = self.steps.checked_sub(1).ok_or_else(|| too_deep(id))?;
        Ok(())
    }

    /// One level up again.
    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }
}

fn elements(ty: &Type<'_>) -> u64 {
    match ty.kind() {
        Kind::STRUCT | Kind::UNION | Kind::ENUM | Kind::ENUM64 | Kind::FUNC_PROTO => {
            ty.info().vlen().into()
        }
        _ => 0,
    }
}

/// The ids of all types, those of the base among them.
pub(super) fn all_ids(btf: &Btf<'_>) -> impl Iterator<Item = TypeId> {
    (1..btf.end_id().0).map(TypeId)
}

pub(super) fn too_deep(id: TypeId) -> Error {
    of_type(ErrorKind::TooDeep, id)
}

/// The place of the record is filled in by [`super::placed`].
pub(super) fn of_type(kind: ErrorKind, type_id: TypeId) -> Error {
    Error {
        kind,
        at: At {
            section: Section::Types,
            offset: 0,
            type_id,
        },
    }
}
