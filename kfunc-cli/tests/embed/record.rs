// SPDX-License-Identifier: MIT OR Apache-2.0

//! Records, byte by byte as `kfunc_abi::record` describes them.

use btf_core::Kind;
use kfunc_abi::{Annotation, KfuncFlags};
use verifier_fixup::layout::LayoutRecord;

/// The code of a type.
#[derive(Clone, Debug)]
pub(crate) struct Ty(Vec<u8>);

impl Ty {
    pub(crate) fn void() -> Self {
        Self(vec![0])
    }

    pub(crate) fn kernel(kind: Kind, name: &str) -> Self {
        Self([&[3, kind.0], &*prefixed(name)].concat())
    }

    pub(crate) fn typedef(name: &str) -> Self {
        Self::kernel(Kind::TYPEDEF, name)
    }

    pub(crate) fn module(kind: Kind, size: u32, name: &str) -> Self {
        Self([&[4, kind.0], &size.to_le_bytes()[..], &prefixed(name)].concat())
    }

    pub(crate) fn pointer(self) -> Self {
        self.behind(&[1])
    }

    pub(crate) fn constant(self) -> Self {
        self.behind(&[2])
    }

    pub(crate) fn volatile(self) -> Self {
        self.behind(&[5])
    }

    pub(crate) fn restrict(self) -> Self {
        self.behind(&[6])
    }

    pub(crate) fn tagged(self, tag: &str) -> Self {
        self.behind(&[&[7], &*prefixed(tag)].concat())
    }

    pub(crate) fn array(self, count: u32) -> Self {
        self.behind(&[&[8], &count.to_le_bytes()[..]].concat())
    }

    pub(crate) fn function(returns: Self, params: &[Self]) -> Self {
        let params: Vec<_> = params.iter().map(|param| param.0.clone()).collect();
        Self([vec![9, params.len() as u8], returns.0, params.concat()].concat())
    }

    fn behind(self, code: &[u8]) -> Self {
        Self([code, &self.0].concat())
    }
}

/// What a kfunc is declared with.
#[derive(Clone)]
pub(crate) struct Kfunc {
    pub(crate) name: &'static str,
    pub(crate) flags: KfuncFlags,
    pub(crate) slots: u32,
    pub(crate) legacy: bool,
    pub(crate) returns: Ty,
    pub(crate) params: Vec<Param>,
}

/// A parameter: name, annotation, type.
#[derive(Clone)]
pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) annotation: Option<Annotation>,
    pub(crate) ty: Ty,
    /// As the record has it: 0, 1 if implicit, 2 if it is the call site.
    pub(crate) passed: u8,
}

pub(crate) fn param(name: &'static str, ty: Ty) -> Param {
    Param {
        name,
        annotation: None,
        ty,
        passed: 0,
    }
}

pub(crate) fn annotated(name: &'static str, annotation: Annotation, ty: Ty) -> Param {
    Param {
        annotation: Some(annotation),
        ..param(name, ty)
    }
}

pub(crate) fn implicit(name: &'static str, ty: Ty) -> Param {
    Param {
        passed: 1,
        ..param(name, ty)
    }
}

impl Kfunc {
    /// `RETURNS NAME(PARAMS)`, to which no program is bound.
    pub(crate) fn new(name: &'static str, returns: Ty, params: Vec<Param>) -> Self {
        Self {
            name,
            flags: KfuncFlags::empty(),
            slots: 0,
            legacy: false,
            returns,
            params,
        }
    }

    pub(crate) fn record(&self) -> Vec<u8> {
        let mut body = field(1, self.name.as_bytes());
        body.extend(field(2, &self.returns.0));
        for param in &self.params {
            let code = param.annotation.map_or(0, Annotation::code);
            let head = [param.passed, code];
            body.extend(field(
                3,
                &[&head, &*prefixed(param.name), &param.ty.0].concat(),
            ));
        }
        let legacy = u32::from(self.legacy);
        let words = [0, 0, self.flags.bits(), self.slots, legacy];
        record(1, &words, &body)
    }
}

/// A part of a type that the module defines.
pub(crate) enum Part {
    Member(u32, &'static str, Ty),
    Value(i64, &'static str),
    Target(Ty),
}

/// The record of a type that the module defines.
pub(crate) fn type_record(kind: Kind, size: u32, name: &str, parts: &[Part]) -> Vec<u8> {
    let mut body = field(1, name.as_bytes());
    for part in parts {
        body.extend(match part {
            Part::Member(offset, name, ty) => field(
                5,
                &[&offset.to_le_bytes(), &*prefixed(name), &ty.0].concat(),
            ),
            Part::Value(value, name) => {
                field(6, &[&value.to_le_bytes()[..], &prefixed(name)].concat())
            }
            Part::Target(ty) => field(7, &ty.0),
        });
    }
    let signed = parts.iter().any(|part| matches!(part, Part::Value(..0, _)));
    record(3, &[u32::from(kind.0), size, u32::from(signed)], &body)
}

/// The record of a layout, not filled in.
pub(crate) fn layout_record() -> Vec<u8> {
    let size = size_of::<LayoutRecord>();
    let mut bytes = header(2, size);
    bytes.resize(size, 0);
    bytes
}

fn record(kind: u16, words: &[u32], body: &[u8]) -> Vec<u8> {
    let len = 16 + 4 * (words.len() + 1) + body.len();
    let size = len.next_multiple_of(8);
    let mut bytes = header(kind, size);
    for word in words.iter().copied().chain([body.len() as u32]) {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(body);
    bytes.resize(size, 0);
    bytes
}

fn header(kind: u16, size: usize) -> Vec<u8> {
    let mut bytes = b"KFNC\x02\x00".to_vec();
    bytes.extend(kind.to_le_bytes());
    bytes.extend((size as u32).to_le_bytes());
    bytes.extend([0; 4]);
    bytes
}

fn field(tag: u16, content: &[u8]) -> Vec<u8> {
    let len = content.len() as u16;
    [&tag.to_le_bytes(), &len.to_le_bytes(), content].concat()
}

fn prefixed(name: &str) -> Vec<u8> {
    [&(name.len() as u16).to_le_bytes(), name.as_bytes()].concat()
}
