// SPDX-License-Identifier: MIT OR Apache-2.0

//! Encoding: a declaration becomes a static of the module, while it is compiled.

use core::mem::offset_of;
use core::sync::atomic::{AtomicU32, Ordering};

use super::{
    Header, Tag, TypeOp, CALL_SITE, FLAGS_OFFSET, ID_OFFSET, IMPLICIT, IMPL_ID_OFFSET, KIND_KFUNC,
    KIND_TYPE, LEGACY, NATIVE, SIGNED,
};
use crate::{
    Annotation, CType, Decl, Delivery, KfuncFlags, Kind, ParamDecl, Passed, Prototype, TypeBody,
    TypeDecl,
};

/// Room for the body while it is encoded.
const MAX_BODY: usize = 16 << 10;

/// The part of a kfunc's record that all kfuncs have.
#[repr(C)]
#[derive(Debug)]
pub struct KfuncHead {
    header: Header,
    btf_id: AtomicU32,
    impl_btf_id: AtomicU32,
    flags: u32,
    slots: u32,
    properties: u32,
    body_len: u32,
}

const _: () = assert!(
    offset_of!(KfuncHead, btf_id) == ID_OFFSET
        && offset_of!(KfuncHead, impl_btf_id) == IMPL_ID_OFFSET
        && offset_of!(KfuncHead, flags) == FLAGS_OFFSET
);

impl KfuncHead {
    const fn new(decl: &Decl, size: usize, body_len: usize) -> Self {
        let (slots, native) = match decl.delivery {
            Delivery::Unneeded => (0, 0),
            Delivery::Bound { slots } => (slots, 0),
            Delivery::Native => (0, NATIVE),
        };
        Self {
            header: Header::new(KIND_KFUNC, size),
            btf_id: AtomicU32::new(0),
            impl_btf_id: AtomicU32::new(0),
            flags: decl.kernel_flags().bits(),
            slots,
            properties: native | if decl.legacy { LEGACY } else { 0 },
            body_len: body_len as u32,
        }
    }

    /// The id of the public FUNC in the module's `.BTF`; none before `kfunc embed`.
    pub fn btf_id(&self) -> Option<u32> {
        filled_in(&self.btf_id)
    }

    /// The id of the full FUNC in the module's `.BTF`; none before `kfunc embed`, or if nothing is implicit.
    pub fn impl_btf_id(&self) -> Option<u32> {
        filled_in(&self.impl_btf_id)
    }

    /// KF_* flags.
    pub fn flags(&self) -> KfuncFlags {
        KfuncFlags::from_bits_retain(self.flags)
    }
}

/// Atomic because the value is not the one that the compiler saw.
fn filled_in(word: &AtomicU32) -> Option<u32> {
    match word.load(Ordering::Relaxed) {
        0 => None,
        id => Some(id),
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
    pub const fn new(decl: &Decl, encoded: &Encoded) -> Self {
        Self {
            head: KfuncHead::new(decl, size_of::<Self>(), BODY),
            body: encoded.to_array(),
        }
    }

    /// The part that all kfuncs have.
    pub const fn head(&self) -> &KfuncHead {
        &self.head
    }
}

/// The record of a type, made by [`crate::type_record!`].
#[repr(C, align(8))]
#[derive(Debug)]
pub struct TypeRecordBytes<const BODY: usize> {
    header: Header,
    /// Never written. An atomic puts the record into the same writable section as those of kfuncs, which something
    /// refers to: a linker that collects garbage (`kernel-glue/freestanding.mk`) would drop one of its own.
    kind: AtomicU32,
    size: u32,
    properties: u32,
    body_len: u32,
    body: [u8; BODY],
}

impl<const BODY: usize> TypeRecordBytes<BODY> {
    /// The record of `decl`, which was encoded as `encoded`. For use in constants.
    pub const fn new(decl: &TypeDecl, encoded: &Encoded) -> Self {
        let (kind, properties) = match decl.body {
            TypeBody::Struct(_) => (Kind::STRUCT, 0),
            TypeBody::Union(_) => (Kind::UNION, 0),
            TypeBody::Enum(_, signed) => (Kind::ENUM, if signed { SIGNED } else { 0 }),
            TypeBody::Typedef(_) => (Kind::TYPEDEF, 0),
        };
        Self {
            header: Header::new(KIND_TYPE, size_of::<Self>()),
            kind: AtomicU32::new(kind.0 as u32),
            size: decl.size,
            properties,
            body_len: BODY as u32,
            body: encoded.to_array(),
        }
    }
}

/// The encoded body of a record.
#[derive(Debug)]
pub struct Encoded {
    bytes: [u8; MAX_BODY],
    len: usize,
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated when the declaration is compiled: an overflow is a compile error"
)]
impl Encoded {
    /// Encodes `decl`, after [`Decl::check`] with this `max_params`. For use in constants.
    pub const fn kfunc(decl: &Decl, max_params: usize) -> Self {
        decl.check(max_params);
        let mut body = Self::empty();
        body.text_field(Tag::NAME, decl.name);
        let start = body.begin(Tag::RETURN);
        body.ctype(&decl.return_type);
        body.end(start);
        let mut at = 0;
        while at < decl.params.len() {
            body.declared_param(&decl.params[at]);
            at += 1;
        }
        let start = body.begin(Tag::PROGRAMS);
        let mut at = 0;
        while at < decl.prog_types.len() {
            body.put(&decl.prog_types[at].0.to_le_bytes());
            at += 1;
        }
        body.end(start);
        body.text_field(Tag::DOC, decl.doc);
        body.text_field(Tag::SET, decl.set);
        body
    }

    /// Encodes the type `decl`. For use in constants.
    pub const fn type_decl(decl: &TypeDecl) -> Self {
        let mut body = Self::empty();
        body.text_field(Tag::NAME, decl.name);
        let mut at = 0;
        match decl.body {
            TypeBody::Struct(members) | TypeBody::Union(members) => {
                while at < members.len() {
                    let start = body.begin(Tag::MEMBER);
                    body.put(&members[at].offset.to_le_bytes());
                    body.name(members[at].name);
                    body.ctype(&members[at].ty);
                    body.end(start);
                    at += 1;
                }
            }
            TypeBody::Enum(values, _) => {
                while at < values.len() {
                    let start = body.begin(Tag::VALUE);
                    body.put(&values[at].1.to_le_bytes());
                    body.name(values[at].0);
                    body.end(start);
                    at += 1;
                }
            }
            TypeBody::Typedef(ty) => {
                let start = body.begin(Tag::TARGET);
                body.ctype(&ty);
                body.end(start);
            }
        }
        body
    }

    /// Bytes of the body.
    #[expect(clippy::len_without_is_empty, reason = "a body is never empty")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// The body.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The body, whose length is `N`.
    const fn to_array<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        let mut at = 0;
        while at < N {
            bytes[at] = self.bytes[at];
            at += 1;
        }
        bytes
    }

    const fn empty() -> Self {
        Self {
            bytes: [0; MAX_BODY],
            len: 0,
        }
    }

    /// Begins a field; gives where its content begins.
    const fn begin(&mut self, tag: Tag) -> usize {
        self.put(&tag.0.to_le_bytes());
        self.put(&[0, 0]);
        self.len
    }

    /// Ends the field whose content begins at `start`: its length is known now.
    const fn end(&mut self, start: usize) {
        let len = self.len - start;
        assert!(
            len <= u16::MAX as usize,
            "a part of this declaration is longer than 64 KiB"
        );
        let len = (len as u16).to_le_bytes();
        self.bytes[start - 2] = len[0];
        self.bytes[start - 1] = len[1];
    }

    const fn text_field(&mut self, tag: Tag, text: &str) {
        let start = self.begin(tag);
        self.put(text.as_bytes());
        self.end(start);
    }

    /// A parameter as declared, which C may see as two.
    const fn declared_param(&mut self, param: &ParamDecl) {
        match param.passed {
            Passed::ByProgram(annotation) => self.param(param, annotation),
            Passed::Implicitly | Passed::AsCallSite => self.param(param, None),
            Passed::AsMemory { pointer, length } => {
                self.param(param, pointer);
                let length_param = ParamDecl {
                    ty: CType::Kernel {
                        kind: Kind::TYPEDEF,
                        name: "u64",
                    },
                    ..*param
                };
                self.param(&length_param, Some(length));
            }
        }
    }

    const fn param(&mut self, param: &ParamDecl, annotation: Option<Annotation>) {
        let start = self.begin(Tag::PARAM);
        let code = match annotation {
            Some(annotation) => annotation.code(),
            None => 0,
        };
        let passed = match param.passed {
            Passed::ByProgram(_) | Passed::AsMemory { .. } => 0,
            Passed::Implicitly => IMPLICIT,
            Passed::AsCallSite => CALL_SITE,
        };
        self.put(&[passed, code]);
        self.name(param.name);
        self.ctype(&param.ty);
        self.end(start);
    }

    const fn put(&mut self, bytes: &[u8]) {
        assert!(
            self.len + bytes.len() <= MAX_BODY,
            "this declaration is longer than 16 KiB"
        );
        let mut at = 0;
        while at < bytes.len() {
            self.bytes[self.len] = bytes[at];
            self.len += 1;
            at += 1;
        }
    }

    const fn name(&mut self, name: &str) {
        assert!(
            name.len() <= u16::MAX as usize,
            "a name may have at most 65535 bytes"
        );
        self.put(&(name.len() as u16).to_le_bytes());
        self.put(name.as_bytes());
    }

    const fn ctype(&mut self, ty: &CType) {
        match ty {
            CType::Void => self.put(&[TypeOp::VOID.0]),
            CType::Pointer(inner) => self.around(TypeOp::POINTER, inner),
            CType::Const(inner) => self.around(TypeOp::CONST, inner),
            CType::Volatile(inner) => self.around(TypeOp::VOLATILE, inner),
            CType::Restrict(inner) => self.around(TypeOp::RESTRICT, inner),
            CType::TypeTag { tag, inner } => {
                self.put(&[TypeOp::TYPE_TAG.0]);
                self.name(tag);
                self.ctype(inner);
            }
            CType::Array { element, count } => {
                self.put(&[TypeOp::ARRAY.0]);
                self.put(&count.to_le_bytes());
                self.ctype(element);
            }
            CType::Function(prototype) => self.prototype(prototype),
            CType::Kernel { kind, name } => {
                self.put(&[TypeOp::KERNEL.0, kind.0]);
                self.name(name);
            }
            CType::Module { kind, name, size } => {
                self.put(&[TypeOp::MODULE.0, kind.0]);
                self.put(&size.to_le_bytes());
                self.name(name);
            }
        }
    }

    const fn around(&mut self, op: TypeOp, inner: &CType) {
        self.put(&[op.0]);
        self.ctype(inner);
    }

    const fn prototype(&mut self, prototype: &Prototype) {
        assert!(
            prototype.params.len() <= u8::MAX as usize,
            "a callback may have at most 255 parameters"
        );
        self.put(&[TypeOp::FUNCTION.0, prototype.params.len() as u8]);
        self.ctype(&prototype.return_type);
        let mut at = 0;
        while at < prototype.params.len() {
            self.ctype(&prototype.params[at]);
            at += 1;
        }
    }
}
