// SPDX-License-Identifier: MIT OR Apache-2.0

//! Encoding: a declaration becomes a static of the module, while it is compiled.

use core::sync::atomic::{AtomicU32, Ordering};

use super::{Header, TypeOp, KIND_KFUNC};
use crate::{CType, Decl, KfuncFlags};

/// Room for the body while it is encoded: five parameters with the longest names that C code has.
const MAX_BODY: usize = 1024;

/// The part of a kfunc's record that all kfuncs have.
#[repr(C)]
#[derive(Debug)]
pub struct KfuncHead {
    header: Header,
    btf_id: AtomicU32,
    flags: u32,
    slots: u32,
    params: u8,
    explicit: u8,
    body_len: u16,
}

impl KfuncHead {
    /// The id of the public FUNC in the module's `.BTF`; none before `kfunc embed`.
    pub fn btf_id(&self) -> Option<u32> {
        // Atomic because the value is not the one that the compiler saw.
        match self.btf_id.load(Ordering::Relaxed) {
            0 => None,
            id => Some(id),
        }
    }

    /// KF_* flags.
    pub fn flags(&self) -> KfuncFlags {
        KfuncFlags::from_bits_retain(self.flags)
    }
}

/// A kfunc's record, made by [`crate::kfunc_record!`].
#[repr(C, align(8))]
#[derive(Debug)]
pub struct KfuncRecord<const BODY: usize> {
    head: KfuncHead,
    body: [u8; BODY],
}

impl<const BODY: usize> KfuncRecord<BODY> {
    /// The record of `decl`, which was encoded as `encoded`. For use in constants.
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "BODY is the length of what was encoded"
    )]
    pub const fn new(decl: &Decl, encoded: &EncodedDecl) -> Self {
        let mut body = [0; BODY];
        let mut at = 0;
        while at < BODY {
            body[at] = encoded.bytes[at];
            at += 1;
        }
        Self {
            head: KfuncHead {
                header: Header::new(KIND_KFUNC, size_of::<Self>()),
                btf_id: AtomicU32::new(0),
                flags: decl.flags.bits(),
                slots: decl.slots,
                params: decl.params.len() as u8,
                explicit: decl.explicit() as u8,
                body_len: BODY as u16,
            },
            body,
        }
    }

    /// The part that all kfuncs have.
    pub const fn head(&self) -> &KfuncHead {
        &self.head
    }
}

/// The encoded body of a kfunc's record.
#[derive(Debug)]
pub struct EncodedDecl {
    bytes: [u8; MAX_BODY],
    len: usize,
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated when the declaration is compiled: an overflow is a compile error"
)]
impl EncodedDecl {
    /// Encodes `decl`, after [`Decl::check`]. For use in constants.
    pub const fn new(decl: &Decl) -> Self {
        decl.check();
        let mut encoded = Self {
            bytes: [0; MAX_BODY],
            len: 0,
        };
        encoded.name(decl.name);
        encoded.ctype(&decl.return_type);
        let mut at = 0;
        while at < decl.params.len() {
            encoded.name(decl.params[at].name);
            encoded.ctype(&decl.params[at].ty);
            at += 1;
        }
        encoded
    }

    /// Bytes of the body.
    #[expect(clippy::len_without_is_empty, reason = "a body is never empty")]
    pub const fn len(&self) -> usize {
        self.len
    }

    const fn byte(&mut self, byte: u8) {
        assert!(
            self.len < MAX_BODY,
            "the names of this declaration are too long for its record"
        );
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    const fn name(&mut self, name: &str) {
        let name = name.as_bytes();
        assert!(
            name.len() <= u8::MAX as usize,
            "a name may have at most 255 bytes"
        );
        self.byte(name.len() as u8);
        let mut at = 0;
        while at < name.len() {
            self.byte(name[at]);
            at += 1;
        }
    }

    const fn ctype(&mut self, ty: &CType) {
        match ty {
            CType::Void => self.byte(TypeOp::VOID.0),
            CType::Pointer(inner) => {
                self.byte(TypeOp::POINTER.0);
                self.ctype(inner);
            }
            CType::Const(inner) => {
                self.byte(TypeOp::CONST.0);
                self.ctype(inner);
            }
            CType::Kernel { kind, name } => {
                self.byte(TypeOp::KERNEL.0);
                self.byte(kind.0);
                self.name(name);
            }
            CType::Module { name, size } => {
                self.byte(TypeOp::MODULE.0);
                let size = size.to_le_bytes();
                let mut at = 0;
                while at < size.len() {
                    self.byte(size[at]);
                    at += 1;
                }
                self.name(name);
            }
        }
    }
}
