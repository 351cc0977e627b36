// SPDX-License-Identifier: MIT OR Apache-2.0

//! The BTF of a module: what its C parts have, and the FUNCs of its kfuncs.
//!
//! ```text
//!             C parts           added
//!   .BTF.base │ INT int … │ STRUCT task_struct … │
//!   .BTF      │ FUNC c_kfunc … │ FUNC foo, FUNC foo_impl … │
//! ```

use btf_core::{Btf, ErrorKind, Header, Kind, TypeId, WriteOptions, Writer};
use kfunc_abi::record::{Kfunc, Param, TypeRecord};
use kfunc_abi::{Annotation, KernelVersion, KfuncFlags, Spelling, IMPL_SUFFIX};

use crate::base::Distilled;
use crate::foreign::{release, Sections};
use crate::node::{Id, Node};
use crate::table::Table;
use crate::types::Types;
use crate::{Error, Result};

/// The tag by which libbpf and the kernel know a kfunc (`KF_DECL_TAG` of `tools/bpf/resolve_btfids`).
const KFUNC_TAG: &str = "bpf_kfunc";
/// The tag that says KF_FASTCALL to compilers (`KF_FASTCALL_TAG`, as above).
const FASTCALL_TAG: &str = "bpf_fastcall";
/// What a pointer into an arena points to (`TYPE_ATTR_ARENA`, as above).
const ARENA_ATTRIBUTE: &str = "address_space(1)";
/// Bytes of a name and its part of a record: of a BTF, not less.
const NAME_LEN: usize = 8;
/// Bytes that are enough for most modules.
const FIRST_LEN: usize = 64 << 10;

/// The two sections, and what the module must know of them.
pub(crate) struct ModuleBtf {
    /// `.BTF`.
    pub(crate) split: Vec<u8>,
    /// `.BTF.base`; none for a module that is tied to one build of its kernel.
    pub(crate) base: Option<Vec<u8>>,
    /// First id of the split part.
    pub(crate) start_id: TypeId,
    /// The FUNCs of each kfunc.
    pub(crate) kfuncs: Vec<Funcs>,
}

/// The ids of a kfunc's FUNCs.
pub(crate) struct Funcs<T = TypeId> {
    /// `foo`.
    pub(crate) public: T,
    /// `foo_impl`; none if nothing is implicit.
    pub(crate) full: Option<T>,
}

/// What a module declares.
#[derive(Default)]
pub(crate) struct Declared<'a> {
    pub(crate) kfuncs: Vec<Kfunc<'a>>,
    pub(crate) types: Vec<TypeRecord<'a>>,
}

/// What a module has already, and how it stands in its sections.
#[derive(Clone, Copy)]
pub(crate) struct Kept<'a> {
    pub(crate) sections: Sections<'a>,
    /// `.BTF`.
    pub(crate) split: Btf<'a>,
}

/// Writes the BTF of a module for `kernel`, whose BTF is `vmlinux`. It stands on `base`; if there is none, on
/// `vmlinux` itself.
///
/// # Errors
///
/// A type that `vmlinux` does not have, an annotation that `kernel` does not know, or something that the module has
/// already, and that is not the same.
pub(crate) fn write(
    vmlinux: &Btf<'_>,
    kernel: KernelVersion,
    kept: Option<Kept<'_>>,
    base: Option<Distilled<'_>>,
    declared: &Declared<'_>,
) -> Result<ModuleBtf> {
    let table = kept.map_or_else(Table::default, |kept| Table::of(&kept.split));
    let mut types = Types::new(vmlinux, base, table, &declared.types)?;
    let mut kfuncs = Vec::new();
    for kfunc in &declared.kfuncs {
        for name in [kfunc.name.to_owned(), full_name(kfunc)] {
            if vmlinux.find(name.as_bytes(), Kind::FUNC).is_some() {
                return Err(Error::KernelFunction(name));
            }
        }
        let mut signature = Signature {
            types: &mut types,
            kfunc,
            kernel,
        };
        kfuncs.push(signature.add()?);
    }
    write_sections(vmlinux, kernel, kept, types, &kfuncs)
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

    /// Adds a FUNC. A function of this name that is there already must be the same.
    fn add_func(&mut self, name: String, return_type: Id, params: Params) -> Result<Id> {
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

/// Writes both sections, in the form of those that are there.
fn write_sections(
    vmlinux: &Btf<'_>,
    kernel: KernelVersion,
    kept: Option<Kept<'_>>,
    mut types: Types<'_, '_>,
    kfuncs: &[Funcs<Id>],
) -> Result<ModuleBtf> {
    types.fill_base()?;
    let sections = kept.map(|kept| kept.sections);
    let options = |of: Option<&[u8]>| WriteOptions {
        dialect: release(kernel).dialect(),
        layout: of.is_some_and(has_layout),
        ..WriteOptions::default()
    };
    let base = match &types.base {
        None => None,
        Some(base) => {
            let kept = sections.and_then(|sections| sections.base);
            Some(grown(options(kept), |writer| base.write(writer))?)
        }
    };
    let base_btf = base.as_deref().map(Btf::parse).transpose()?;
    let base_btf = base_btf.unwrap_or(*vmlinux);
    let options = WriteOptions {
        base: Some(&base_btf),
        ..options(sections.map(|sections| sections.split))
    };
    let split = grown(options, |writer| {
        types
            .table
            .write(kept.as_ref().map(|kept| &kept.split), writer)
    })?;
    let start_id = base_btf.end_id();
    let in_split = |id: Id| id.in_split(start_id);
    let kfuncs = kfuncs
        .iter()
        .map(|funcs| Funcs {
            public: in_split(funcs.public),
            full: funcs.full.map(in_split),
        })
        .collect();
    Ok(ModuleBtf {
        split,
        start_id,
        kfuncs,
        base,
    })
}

/// The bytes that `fill` writes, however many they are.
fn grown(
    options: WriteOptions<'_>,
    fill: impl Fn(&mut Writer<'_>) -> std::result::Result<(), btf_core::Error>,
) -> Result<Vec<u8>> {
    let mut out = vec![0; FIRST_LEN];
    loop {
        let mut name_index = vec![0; out.len() / NAME_LEN];
        let mut writer = Writer::with(
            &mut out,
            WriteOptions {
                name_index: &mut name_index,
                ..options
            },
        );
        fill(&mut writer)?;
        let error = match writer.finish().map(<[u8]>::len) {
            Ok(len) => {
                out.truncate(len);
                return Ok(out);
            }
            Err(error) => error,
        };
        match error.kind {
            ErrorKind::BufferTooSmall { need } => out.resize(need, 0),
            _ => return Err(error.into()),
        }
    }
}

fn has_layout(section: &[u8]) -> bool {
    Header::parse(section).is_ok_and(|header| !header.layout.is_empty())
}
