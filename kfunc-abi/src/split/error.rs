// SPDX-License-Identifier: MIT OR Apache-2.0

//! Why a BTF cannot be split.

use core::fmt;

use btf_core::TypeId;

use crate::KfuncFlags;

/// A kfunc that cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitError {
    /// What is wrong.
    pub kind: SplitErrorKind,
    /// The kfunc's FUNC; void where it is none of one kfunc.
    pub func: TypeId,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SplitErrorKind {
    /// There is no such type, or it is not a FUNC.
    NoFunc,
    /// The FUNC has no FUNC_PROTO.
    NoPrototype,
    /// The name with `_impl` behind it is longer than [`crate::KSYM_NAME_LEN`].
    NameTooLong,
    /// Sets give the kfunc different flags.
    InconsistentFlags([KfuncFlags; 2]),
    /// An arena pointer by its name or flag is not a PTR.
    ArenaNoPointer,
    /// More parameters than a kfunc can have.
    TooManyParams(usize),
    /// The kfuncs do not come in the order of their ids.
    Unsorted,
    /// The list of changes needs this many places.
    ChangesTooSmall {
        /// Places that are enough.
        need: usize,
    },
    /// BTF that cannot be written.
    Btf(btf_core::Error),
}

impl SplitErrorKind {
    pub(super) fn at(self, func: TypeId) -> SplitError {
        SplitError { kind: self, func }
    }
}

impl From<btf_core::Error> for SplitError {
    fn from(error: btf_core::Error) -> Self {
        SplitErrorKind::Btf(error).at(error.at.type_id)
    }
}

impl fmt::Display for SplitErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFunc => f.write_str("there is no such function"),
            Self::NoPrototype => f.write_str("the function has no prototype"),
            Self::NameTooLong => f.write_str("the name is too long to have _impl behind it"),
            Self::InconsistentFlags([one, other]) => {
                write!(f, "one set gives it the flags {one}, another one {other}")
            }
            Self::ArenaNoPointer => f.write_str("what should point into an arena is no pointer"),
            Self::TooManyParams(count) => {
                write!(f, "{count} parameters are more than a kfunc can have")
            }
            Self::Unsorted => f.write_str("it comes after a function of a higher id"),
            Self::ChangesTooSmall { need } => {
                write!(f, "the list of changes must have {need} places")
            }
            Self::Btf(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for SplitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        // An error of BTF tells itself where it is.
        match self.kind {
            SplitErrorKind::Btf(_) => Ok(()),
            _ if self.func == TypeId::VOID => Ok(()),
            _ => write!(f, " (type {})", self.func.0),
        }
    }
}

impl core::error::Error for SplitError {}
