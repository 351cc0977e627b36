// SPDX-License-Identifier: MIT OR Apache-2.0

//! Types as a record has them.

use btf_core::Kind;

use super::cursor::Cursor;
use super::{RecordError, RecordErrorKind, TypeOp};

/// The most steps of one type, its callbacks' parameters included.
const MAX_TYPE_STEPS: usize = 64;

/// A type as a record has it: walk it with [`TypeCode::next`].
#[derive(Clone, Copy, Debug)]
pub struct TypeCode<'a>(pub(super) Cursor<'a>);

/// One step of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeStep<'a> {
    /// A pointer or a qualifier (PTR, CONST, VOLATILE, RESTRICT); what it is around follows.
    Around(Kind),
    /// A tag; the tagged type follows.
    Tag(&'a str),
    /// An array of so many elements; their type follows.
    Array(u32),
    /// A function with so many parameters; the return type follows, then the type of each.
    Function(usize),
    /// `void`.
    Void,
    /// A type of the kernel.
    Kernel {
        /// The kind of its BTF record.
        kind: Kind,
        /// Its name.
        name: &'a str,
    },
    /// A type of the module.
    Module {
        /// The kind of its BTF record.
        kind: Kind,
        /// Its name.
        name: &'a str,
        /// Its size in bytes.
        size: u32,
    },
}

impl TypeStep<'_> {
    /// How many types must follow it.
    fn follow(&self) -> usize {
        match self {
            Self::Around(_) | Self::Tag(_) | Self::Array(_) => 1,
            Self::Function(params) => params.saturating_add(1),
            Self::Void | Self::Kernel { .. } | Self::Module { .. } => 0,
        }
    }
}

impl<'a> TypeCode<'a> {
    /// The next step, from the outside in, and from left to right in a function.
    ///
    /// # Errors
    ///
    /// A code that is not known, or a cut record.
    #[expect(
        clippy::should_implement_trait,
        reason = "a step may fail, and a type never ends by itself"
    )]
    pub fn next(&mut self) -> Result<TypeStep<'a>, RecordError> {
        let start = self.0;
        let code = &mut self.0;
        Ok(match TypeOp(code.u8()?) {
            TypeOp::VOID => TypeStep::Void,
            TypeOp::POINTER => TypeStep::Around(Kind::PTR),
            TypeOp::CONST => TypeStep::Around(Kind::CONST),
            TypeOp::VOLATILE => TypeStep::Around(Kind::VOLATILE),
            TypeOp::RESTRICT => TypeStep::Around(Kind::RESTRICT),
            TypeOp::TYPE_TAG => TypeStep::Tag(code.name()?),
            TypeOp::ARRAY => TypeStep::Array(code.u32()?),
            TypeOp::FUNCTION => TypeStep::Function(usize::from(code.u8()?)),
            TypeOp::KERNEL => TypeStep::Kernel {
                kind: Kind(code.u8()?),
                name: code.name()?,
            },
            TypeOp::MODULE => TypeStep::Module {
                kind: Kind(code.u8()?),
                size: code.u32()?,
                name: code.name()?,
            },
            TypeOp(op) => return Err(start.error(RecordErrorKind::UnknownTypeOp(op))),
        })
    }
}

impl<'a> Cursor<'a> {
    /// The type that is all that is left. Every step is read once here, so that those who walk it do not fail.
    pub(super) fn whole_type(&mut self) -> Result<TypeCode<'a>, RecordError> {
        let start = *self;
        let mut walk = TypeCode(start);
        let mut missing: usize = 1;
        for _ in 0..MAX_TYPE_STEPS {
            let step = walk.next()?;
            missing = missing.saturating_add(step.follow()).saturating_sub(1);
            if missing == 0 {
                *self = walk.0;
                self.end()?;
                return Ok(TypeCode(start));
            }
        }
        Err(start.error(RecordErrorKind::TypeTooLong))
    }
}
