// SPDX-License-Identifier: MIT OR Apache-2.0

//! The FUNCs of a kfunc: `foo`, which programs call, and `foo_impl`, which runs.

use btf_core::{Kind, TypeId};
use kfunc_abi::record::{Kfunc, Param};
use kfunc_abi::{
    Annotation, KernelVersion, KfuncFlags, Spelling, ARENA_ATTRIBUTE, FASTCALL_TAG, IMPL_SUFFIX,
    KFUNC_TAG,
};

use super::node::{Id, Node};
use super::types::Types;
use crate::{Error, Result};

/// The ids of a kfunc's FUNCs.
pub(crate) struct Funcs<T = TypeId> {
    /// `foo`.
    pub(crate) public: T,
    /// `foo_impl`; none if nothing is implicit.
    pub(crate) full: Option<T>,
}

/// `foo_impl` for `foo`.
pub(crate) fn full_name(kfunc: &Kfunc<'_>) -> String {
    format!("{}{IMPL_SUFFIX}", kfunc.name)
}

/// Both signatures of a kfunc.
struct Signature<'s, 't, 'a> {
    types: &'s mut Types<'t, 'a>,
    kfunc: &'s Kfunc<'a>,
    kernel: KernelVersion,
}

/// Parameters of a prototype.
type Params = Vec<(Vec<u8>, Id)>;

/// Adds the FUNCs of `kfunc`, as `kernel` wants them, to `types`.
///
/// # Errors
///
/// A type or an annotation that the kernel does not have, or another function of the name.
pub(crate) fn add<'a>(
    types: &mut Types<'_, 'a>,
    kernel: KernelVersion,
    kfunc: &Kfunc<'a>,
) -> Result<Funcs<Id>> {
    Signature {
        types,
        kfunc,
        kernel,
    }
    .add()
}

impl<'a> Signature<'_, '_, 'a> {
    /// Adds the FUNCs of the kfunc, and their tags.
    fn add(&mut self) -> Result<Funcs<Id>> {
        let kfunc = self.kfunc;
        let flags = kfunc.flags.difference(kfunc.flags.unheeded(self.kernel));
        let place = format!("kfunc {}, return type", kfunc.name);
        let return_type = self.types.declared(kfunc.return_type(), &place)?;
        let public_return = match flags.contains(KfuncFlags::ARENA_RET) {
            true => self.arena_pointer(return_type, &place)?,
            false => return_type,
        };
        let (mut public, mut full) = (Params::new(), Params::new());
        for (index, param) in kfunc.params().enumerate() {
            let place = format!("kfunc {}, parameter {}", kfunc.name, param.name);
            let name = self.name(&param, &place)?;
            let ty = self.types.declared(param.ty, &place)?;
            full.push((name.clone(), ty));
            if param.implicit {
                continue;
            }
            let ty = match is_in_arena(&param, index, flags) {
                true => self.arena_pointer(ty, &place)?,
                false => ty,
            };
            public.push((name, ty));
        }
        let has_full = public.len() < full.len();
        let public = self.add_func(kfunc.name.to_owned(), public_return, public)?;
        self.add_tag(KFUNC_TAG, public);
        if kfunc.flags.contains(KfuncFlags::FASTCALL) {
            self.add_tag(FASTCALL_TAG, public);
        }
        if !has_full {
            return Ok(Funcs { public, full: None });
        }
        let full = self.add_func(full_name(kfunc), return_type, full)?;
        if kfunc.legacy {
            self.add_tag(KFUNC_TAG, full);
        }
        Ok(Funcs {
            public,
            full: Some(full),
        })
    }

    /// The name of a parameter, as the verifier of the kernel wants it.
    fn name(&self, param: &Param<'a>, place: &str) -> Result<Vec<u8>> {
        // Programs that call the full signature pass anything for what is implicit.
        let ignored = (param.implicit && self.kfunc.legacy).then_some(Annotation::Ignored);
        let Some(annotation) = param.annotation.or(ignored) else {
            return Ok(param.name.into());
        };
        let spelling = annotation
            .suffix(self.kernel)
            .map_err(|error| Error::Annotation {
                place: place.to_owned(),
                error,
            })?;
        Ok(match spelling {
            Spelling::Suffix(suffix) => [param.name, suffix].concat().into(),
            Spelling::Name(name) => name.into(),
        })
    }

    /// `pointer` as programs see it: into their arena (`process_kfunc_with_arena_attrs` of
    /// `tools/bpf/resolve_btfids`). The full signature is without.
    fn arena_pointer(&mut self, pointer: Id, place: &str) -> Result<Id> {
        let target = match self.types.table.get(pointer) {
            Some(Node::Around(Kind::PTR, target)) => *target,
            _ => return Err(Error::ArenaType(place.to_owned())),
        };
        let target = self.types.table.add(Node::TypeTag {
            value: ARENA_ATTRIBUTE.into(),
            attribute: true,
            target,
        });
        Ok(self.types.table.add(Node::Around(Kind::PTR, target)))
    }

    /// Adds a FUNC. A function of this name that the module has already must be the same.
    fn add_func(&mut self, name: String, return_type: Id, params: Params) -> Result<Id> {
        if self.types.is_in_kernel(Kind::FUNC, &name) {
            return Err(Error::KernelFunction(name));
        }
        let table = &mut self.types.table;
        let proto = table.add(Node::Proto {
            return_type,
            params,
        });
        let func = Node::Func {
            name: name.clone().into(),
            proto,
        };
        match table.named(Kind::FUNC, &name) {
            Some(known) if table.get(known) != Some(&func) => Err(Error::OtherFunction(name)),
            Some(known) => Ok(known),
            None => Ok(table.add(func)),
        }
    }

    fn add_tag(&mut self, value: &str, target: Id) {
        self.types.table.add(Node::DeclTag {
            value: value.into(),
            attribute: false,
            target,
            component: None,
        });
    }
}

/// Whether the public signature has a pointer into the program's arena there.
fn is_in_arena(param: &Param<'_>, index: usize, flags: KfuncFlags) -> bool {
    let by_flag = match index {
        0 => flags.contains(KfuncFlags::ARENA_ARG1),
        1 => flags.contains(KfuncFlags::ARENA_ARG2),
        _ => false,
    };
    let by_name = matches!(
        param.annotation,
        Some(Annotation::Arena | Annotation::ArenaNullable)
    );
    by_flag || by_name
}
