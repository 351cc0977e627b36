// SPDX-License-Identifier: MIT OR Apache-2.0

//! The BTF of a module's kfuncs: their FUNCs, over a distilled base of the kernel's types.
//!
//! The kernel finds the base's types by name when the module is loaded (`btf_relocate` of
//! `tools/lib/bpf/btf_relocate.c`), so the module does not depend on the ids of one build. A base holds only
//! named INT, FLOAT, ENUM, STRUCT and UNION, without members; all else goes to the split part.

use std::collections::{BTreeSet, HashMap};

use btf_core::{Btf, Kind, Linkage, Param, Tag, Type, TypeId, Writer};
use kfunc_abi::record::{self, Kfunc, TypeCode, TypeStep};
use kfunc_abi::{Annotation, KernelVersion, Spelling, IMPL_SUFFIX};

use crate::{Error, Result};

/// The tag by which libbpf and the kernel know a kfunc (`KF_DECL_TAG` of `tools/bpf/resolve_btfids`).
const KFUNC_TAG: Tag<'_> = Tag::Value(b"bpf_kfunc");
/// Room for a module's BTF.
const BTF_LEN: usize = 2 << 20;

/// The two sections, and what the module must know of them.
pub(crate) struct ModuleBtf {
    /// `.BTF`.
    pub(crate) split: Vec<u8>,
    /// `.BTF.base`.
    pub(crate) base: Vec<u8>,
    /// First id of the split part.
    pub(crate) start_id: TypeId,
    /// The FUNCs of each kfunc.
    pub(crate) funcs: Vec<Funcs>,
}

/// The FUNCs of a kfunc.
pub(crate) struct Funcs {
    /// With the public signature.
    pub(crate) public: TypeId,
    /// With the full one, if anything is implicit.
    pub(crate) full: Option<TypeId>,
}

/// Writes the BTF of `kfuncs`, whose types are those of `vmlinux`.
///
/// # Errors
///
/// A type that `vmlinux` does not have, or that a distilled base cannot hold.
pub(crate) fn write(
    vmlinux: &Btf<'_>,
    kernel: KernelVersion,
    kfuncs: &[Kfunc<'_>],
) -> Result<ModuleBtf> {
    let mut leaves = BTreeSet::new();
    for kfunc in kfuncs {
        for (place, ty) in places(kfunc) {
            Finder {
                vmlinux,
                kfunc,
                place: &place,
            }
            .collect(ty, &mut leaves)?;
        }
    }
    let (base, known) = write_base(vmlinux, &leaves)?;
    let base_btf = Btf::parse(&base)?;
    let mut out = vec![0; BTF_LEN];
    let mut split = Split {
        writer: Writer::split(&mut out, &base_btf),
        vmlinux,
        kernel,
        known,
        references: HashMap::new(),
    };
    let mut funcs = Vec::new();
    for kfunc in kfuncs {
        funcs.push(split.push_pair(kfunc)?);
    }
    Ok(ModuleBtf {
        split: split.writer.finish()?.to_vec(),
        start_id: base_btf.end_id(),
        funcs,
        base,
    })
}

/// The return type and the parameters of `kfunc`, each with what to call it in an error.
fn places<'a>(kfunc: &Kfunc<'a>) -> Vec<(String, TypeCode<'a>)> {
    let params = kfunc
        .params()
        .map(|param| (format!("parameter {}", param.name), param.ty));
    std::iter::once(("return type".to_owned(), kfunc.return_type()))
        .chain(params)
        .collect()
}

/// Finds the types of one place of a declaration in the kernel's BTF.
struct Finder<'f, 'a> {
    vmlinux: &'f Btf<'a>,
    kfunc: &'f Kfunc<'f>,
    place: &'f str,
}

impl<'a> Finder<'_, 'a> {
    /// Adds the types that the base must hold for `ty`.
    fn collect(&self, mut ty: TypeCode<'_>, leaves: &mut BTreeSet<TypeId>) -> Result<()> {
        loop {
            match ty.next()? {
                TypeStep::Around(_) | TypeStep::Tag(_) => {}
                TypeStep::Array(_) => return Err(self.unsupported(Kind::ARRAY)),
                TypeStep::Function(_) => return Err(self.unsupported(Kind::FUNC_PROTO)),
                TypeStep::Void | TypeStep::Module { .. } => return Ok(()),
                TypeStep::Kernel { kind, name } => {
                    return self.collect_kernel(self.find(kind, name)?, leaves)
                }
            }
        }
    }

    fn find(&self, kind: Kind, name: &str) -> Result<Type<'a>> {
        self.vmlinux
            .find(name.as_bytes(), kind)
            .ok_or_else(|| Error::NoSuchType {
                kfunc: self.kfunc.name.to_owned(),
                place: self.place.to_owned(),
                kind,
                name: name.to_owned(),
            })
    }

    fn collect_kernel(&self, mut ty: Type<'a>, leaves: &mut BTreeSet<TypeId>) -> Result<()> {
        for _ in 0..btf_core::limits::MAX_RESOLVE_DEPTH {
            match ty.kind() {
                Kind::INT | Kind::FLOAT | Kind::ENUM | Kind::STRUCT | Kind::UNION => {
                    leaves.insert(ty.id());
                    return Ok(());
                }
                Kind::TYPEDEF | Kind::PTR | Kind::CONST | Kind::VOLATILE => {
                    let target = ty.target().unwrap_or(TypeId::VOID);
                    match self.vmlinux.get(target) {
                        Some(inner) => ty = inner,
                        None => return Ok(()),
                    }
                }
                _ => break,
            }
        }
        Err(self.unsupported(ty.kind()))
    }

    fn unsupported(&self, kind: Kind) -> Error {
        Error::UnsupportedType {
            kfunc: self.kfunc.name.to_owned(),
            place: self.place.to_owned(),
            kind,
        }
    }
}

/// Writes the base, in the order of the kernel's ids; gives the new id of each.
fn write_base(
    vmlinux: &Btf<'_>,
    leaves: &BTreeSet<TypeId>,
) -> Result<(Vec<u8>, HashMap<TypeId, TypeId>)> {
    let mut out = vec![0; BTF_LEN];
    let mut writer = Writer::new(&mut out);
    let mut known = HashMap::from([(TypeId::VOID, TypeId::VOID)]);
    for ty in leaves.iter().filter_map(|id| vmlinux.get(*id)) {
        let name = vmlinux.name(&ty);
        let size = ty.size().unwrap_or_default();
        let id = match ty.int() {
            Some(int) => writer.push_int(name, size as u8, int.encoding)?,
            None => writer.push_opaque(ty.kind(), name, size)?,
        };
        known.insert(ty.id(), id);
    }
    Ok((writer.finish()?.to_vec(), known))
}

/// The split part, while it is written.
struct Split<'b, 'a> {
    writer: Writer<'b>,
    vmlinux: &'b Btf<'a>,
    kernel: KernelVersion,
    /// The kernel's types that there are already, by the kernel's ids.
    known: HashMap<TypeId, TypeId>,
    /// Pointers and qualifiers that there are already.
    references: HashMap<(Kind, TypeId), TypeId>,
}

impl Split<'_, '_> {
    /// Adds the signatures of `kfunc`.
    fn push_pair(&mut self, kfunc: &Kfunc<'_>) -> Result<Funcs> {
        let return_type = self.push_type(kfunc.return_type())?;
        let mut params = Vec::new();
        for param in kfunc.params() {
            let name = self.name(kfunc, &param)?;
            params.push(Param {
                ty: self.push_type(param.ty)?,
                name: self.writer.name(name.as_bytes())?,
            });
        }
        let explicit = params.get(..kfunc.explicit).unwrap_or(&params);
        let public_proto = self.writer.push_func_proto(return_type, explicit)?;
        let public = self
            .writer
            .push_func(kfunc.name.as_bytes(), public_proto, Linkage::STATIC)?;
        self.writer.push_decl_tag(KFUNC_TAG, public, None)?;
        if params.len() == kfunc.explicit {
            return Ok(Funcs { public, full: None });
        }
        let full_name = format!("{}{IMPL_SUFFIX}", kfunc.name);
        let full_proto = self.writer.push_func_proto(return_type, &params)?;
        let full = self
            .writer
            .push_func(full_name.as_bytes(), full_proto, Linkage::STATIC)?;
        if kfunc.legacy {
            self.writer.push_decl_tag(KFUNC_TAG, full, None)?;
        }
        Ok(Funcs {
            public,
            full: Some(full),
        })
    }

    /// The name of a parameter, as the kernel wants it.
    fn name(&self, kfunc: &Kfunc<'_>, param: &record::Param<'_>) -> Result<String> {
        let ignored = (kfunc.legacy && param.implicit).then_some(Annotation::Ignored);
        let Some(annotation) = param.annotation.or(ignored) else {
            return Ok(param.name.to_owned());
        };
        match annotation.suffix(self.kernel) {
            Ok(Spelling::Suffix(suffix)) => Ok(format!("{}{suffix}", param.name)),
            Ok(Spelling::Name(name)) => Ok(name.to_owned()),
            Err(error) => Err(Error::Annotation {
                kfunc: kfunc.name.to_owned(),
                param: param.name.to_owned(),
                error,
            }),
        }
    }

    fn push_type(&mut self, mut code: TypeCode<'_>) -> Result<TypeId> {
        let mut around = Vec::new();
        let mut id = loop {
            match code.next()? {
                TypeStep::Around(kind) => around.push(kind),
                // Arrays and functions were refused before; a tag says nothing to the verifier here.
                TypeStep::Tag(_) | TypeStep::Array(_) | TypeStep::Function(_) => {}
                TypeStep::Void => break TypeId::VOID,
                // A struct of the module: its members are the module's own affair.
                TypeStep::Module { kind, name, size } => {
                    break self.writer.push_opaque(kind, name.as_bytes(), size)?
                }
                TypeStep::Kernel { kind, name } => {
                    let found = self.vmlinux.find(name.as_bytes(), kind);
                    let id = found.map_or(TypeId::VOID, |ty| ty.id());
                    break self.push_kernel(id)?;
                }
            }
        };
        for kind in around.into_iter().rev() {
            id = self.push_reference(kind, id)?;
        }
        Ok(id)
    }

    /// The kernel's type `id`: in the base already, or a chain that leads there.
    fn push_kernel(&mut self, id: TypeId) -> Result<TypeId> {
        if let Some(known) = self.known.get(&id) {
            return Ok(*known);
        }
        let Some(ty) = self.vmlinux.get(id) else {
            return Ok(TypeId::VOID);
        };
        let inner = ty.target().unwrap_or(TypeId::VOID);
        let inner = self.push_kernel(inner)?;
        let new = match ty.kind() {
            Kind::TYPEDEF => self.writer.push_typedef(self.vmlinux.name(&ty), inner)?,
            kind => self.push_reference(kind, inner)?,
        };
        self.known.insert(id, new);
        Ok(new)
    }

    fn push_reference(&mut self, kind: Kind, target: TypeId) -> Result<TypeId> {
        if let Some(id) = self.references.get(&(kind, target)) {
            return Ok(*id);
        }
        let id = self.writer.push_reference(kind, target)?;
        self.references.insert((kind, target), id);
        Ok(id)
    }
}
