// SPDX-License-Identifier: MIT OR Apache-2.0

//! Names that C has only once: the second type called `foo` becomes `foo___2`. BPF's CO-RE knows that.

use std::borrow::Cow;
use std::collections::HashMap;

use btf_core::{Btf, Kind, Type, TypeId};

/// The names given so far.
pub(super) struct Names<'b, 'a> {
    btf: &'b Btf<'a>,
    /// How often each tag of a struct, union or enum was given.
    tags: HashMap<&'a [u8], usize>,
    /// The same of typedefs and enumerators.
    identifiers: HashMap<&'a [u8], usize>,
    given: HashMap<TypeId, Cow<'a, [u8]>>,
}

impl<'b, 'a> Names<'b, 'a> {
    pub(super) fn new(btf: &'b Btf<'a>) -> Self {
        Self {
            btf,
            tags: HashMap::new(),
            identifiers: HashMap::new(),
            given: HashMap::new(),
        }
    }

    /// Leaves the identifier `name` to somebody else.
    pub(super) fn reserve(&mut self, name: &'static [u8]) {
        self.identifiers.insert(name, 1);
    }

    /// Calls `ty` as `other` is called.
    pub(super) fn share(&mut self, ty: TypeId, other: &Type<'a>) {
        let name = self.of_type(other);
        self.given.insert(ty, name);
    }

    /// The name of a type; empty for an anonymous one.
    pub(super) fn of_type(&mut self, ty: &Type<'a>) -> Cow<'a, [u8]> {
        let name = self.btf.name(ty);
        let no_definition =
            ty.kind() == Kind::FWD || ty.kind() == Kind::ENUM && ty.enumerators().next().is_none();
        if ty.name_offset() == 0 || no_definition {
            return name.into();
        }
        let names = match ty.kind() {
            Kind::TYPEDEF => &mut self.identifiers,
            _ => &mut self.tags,
        };
        let given = self.given.entry(ty.id());
        given.or_insert_with(|| unique(names, name)).clone()
    }

    /// The name of an enumerator that is about to be defined.
    pub(super) fn of_enumerator(&mut self, name: u32) -> Cow<'a, [u8]> {
        unique(&mut self.identifiers, self.btf.name_at(name))
    }
}

fn unique<'a>(names: &mut HashMap<&'a [u8], usize>, name: &'a [u8]) -> Cow<'a, [u8]> {
    let count = names.entry(name).or_default();
    *count += 1;
    match *count {
        1 => name.into(),
        count => [name, format!("___{count}").as_bytes()].concat().into(),
    }
}
