// SPDX-License-Identifier: MIT OR Apache-2.0

//! Why there is no signature.

use core::fmt;

use btf_core::TypeId;

/// A type that is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignatureError {
    /// What is wrong.
    pub kind: SignatureErrorKind,
    /// The type: the FUNC, or the full prototype.
    pub id: TypeId,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureErrorKind {
    /// There is no such type, or it is not a FUNC.
    NoFunc,
    /// The FUNC has no FUNC_PROTO.
    NoPrototype,
    /// With its suffix, the name is longer than `KSYM_NAME_LEN`.
    LongName,
    /// There is no FUNC with the full prototype.
    NoFull,
    /// The full prototype returns something else than the public one.
    OtherReturnType,
    /// The parameter of this number, counted from 0, is another one in the full prototype, or not there.
    OtherParam(usize),
    /// The full prototype has no more parameters than the public one.
    NothingImplicit,
}

impl SignatureErrorKind {
    pub(super) fn at(self, id: TypeId) -> SignatureError {
        SignatureError { kind: self, id }
    }
}

impl fmt::Display for SignatureErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFunc => f.write_str("there is no such function"),
            Self::NoPrototype => f.write_str("the function has no prototype"),
            Self::LongName => f.write_str("the name is too long to have _impl behind it"),
            Self::NoFull => f.write_str("there is no function with the full prototype"),
            Self::OtherReturnType => {
                f.write_str("the full prototype returns something else than the public one")
            }
            Self::OtherParam(place) => write!(
                f,
                "parameter {place} of the public prototype is not that of the full one"
            ),
            Self::NothingImplicit => {
                f.write_str("the full prototype has no more parameters than the public one")
            }
        }
    }
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (type {})", self.kind, self.id.0)
    }
}

impl core::error::Error for SignatureError {}
