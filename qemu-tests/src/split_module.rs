// SPDX-License-Identifier: MIT OR Apache-2.0

//! A module's BTF with kfuncs of every shape that splitting knows: for tests.

use anyhow::{Context, Result};
use btf_core::{Btf, Dialect, Header, Kind, Linkage, Param, Tag, TypeId, WriteOptions, Writer};
use kfunc_abi::KfuncFlags;
use kfunc_cli::NamedKfunc;

/// Room for what is added.
const ADDED_LEN: usize = 1 << 16;

/// The BTF `module`, split over `vmlinux`, with functions of ours; and what sets say of them.
///
/// # Errors
///
/// Damaged BTF, or one without a type that every kernel has.
pub fn with_kfuncs(module: &[u8], vmlinux: &[u8]) -> Result<(Vec<u8>, Vec<NamedKfunc>)> {
    let base = Btf::parse(vmlinux)?;
    let mut room = vec![0; base.own_len() as usize];
    let mut name_index = vec![0; 2 * base.names_len()];
    let base = base.indexed(&mut room).names_indexed(&mut name_index);
    let split = Btf::parse_split(module, &base)?;
    let mut out = vec![0; module.len() + ADDED_LEN];
    let mut writer = Writer::with(
        &mut out,
        WriteOptions {
            base: Some(&base),
            dialect: Dialect::Vlen24,
            layout: !Header::parse(module)?.layout.is_empty(),
            ..WriteOptions::default()
        },
    );
    // Its kfuncs have their tags already: those that are written again are equal to them.
    for ty in split.types() {
        writer.push_type(&split, &ty, |id| id)?;
    }
    let kfuncs = Shapes::new(&base, &mut writer)?.push()?;
    let len = writer.finish()?.len();
    out.truncate(len);
    Ok((out, kfuncs))
}

/// Types that the functions are made of.
struct Shapes<'s, 'b> {
    writer: &'s mut Writer<'b>,
    int: TypeId,
    meta: TypeId,
    aux: TypeId,
    const_aux: TypeId,
    memory: TypeId,
    kfuncs: Vec<NamedKfunc>,
}

impl<'s, 'b> Shapes<'s, 'b> {
    fn new(base: &Btf<'_>, writer: &'s mut Writer<'b>) -> Result<Self> {
        let find = |name: &[u8], kind| {
            let ty = base.find(name, kind);
            ty.map(|ty| ty.id()).context("vmlinux lacks a type")
        };
        let aux_struct = find(b"bpf_prog_aux", Kind::STRUCT)?;
        let meta_struct = find(b"btf_struct_meta", Kind::STRUCT)?;
        let const_struct = writer.push_reference(Kind::CONST, aux_struct)?;
        Ok(Self {
            int: find(b"int", Kind::INT)?,
            // The base has some of these, too: then its own are taken.
            aux: writer.push_reference(Kind::PTR, aux_struct)?,
            meta: writer.push_reference(Kind::PTR, meta_struct)?,
            const_aux: writer.push_reference(Kind::PTR, const_struct)?,
            memory: writer.push_reference(Kind::PTR, TypeId::VOID)?,
            writer,
            kfuncs: Vec::new(),
        })
    }

    fn push(mut self) -> Result<Vec<NamedKfunc>> {
        use KfuncFlags as F;
        let Self {
            int,
            meta,
            aux,
            const_aux,
            memory,
            ..
        } = self;
        let implicit = F::IMPLICIT_ARGS;
        // Two functions with one prototype: only one of them changes.
        let shared = self.proto(int, &[("a", int), ("aux", aux)])?;
        self.func("oracle_shared", shared, &[("one", implicit)])?;
        self.func("oracle_shared_plain", shared, &[("one", F::empty())])?;
        self.func("oracle_shared_too", shared, &[("two", implicit)])?;
        let two_sets = self.proto(memory, &[("b", int), ("aux", const_aux)])?;
        let both = implicit | F::SLEEPABLE;
        self.func("oracle_two_sets", two_sets, &[("one", both), ("two", both)])?;
        // What follows the first implicit one is implicit.
        let meta_proto = self.proto(int, &[("p", memory), ("meta", meta), ("off", int)])?;
        self.func("oracle_meta", meta_proto, &[("two", implicit)])?;
        // Legacy: the source has both.
        let legacy = self.func("oracle_legacy", two_sets, &[("one", implicit)])?;
        let legacy_impl = self.func("oracle_legacy_impl", two_sets, &[("one", F::empty())])?;
        self.writer
            .push_decl_tag(Tag::Value(b"old"), legacy, None)?;
        self.writer
            .push_decl_tag(Tag::Value(b"old"), legacy_impl, None)?;
        // Tags of the source, on the function and on a parameter, by value and by attribute.
        let tagged = self.func("oracle_tagged", shared, &[("two", implicit | F::FASTCALL)])?;
        self.writer
            .push_decl_tag(Tag::Value(b"mine"), tagged, None)?;
        self.writer
            .push_decl_tag(Tag::Attribute(b"mine(1)"), tagged, Some(0))?;
        // Of the flag, but nothing is implicit.
        let plain = self.proto(int, &[("a", int)])?;
        self.func("oracle_nothing", plain, &[("one", implicit)])?;
        // Arena pointers, by name and by flag, also with an implicit parameter.
        let arena = self.proto(
            memory,
            &[
                ("at__arena", memory),
                ("n", int),
                ("or__arena__nullable", memory),
            ],
        )?;
        self.func("oracle_arena", arena, &[("two", F::ARENA_RET)])?;
        self.func("oracle_arena_plain", arena, &[("two", F::empty())])?;
        let by_flag = self.proto(memory, &[("p", memory), ("q", memory), ("aux", aux)])?;
        let flags = implicit | F::ARENA_ARG1 | F::ARENA_ARG2 | F::ARENA_RET;
        self.func("oracle_arena_implicit", by_flag, &[("one", flags)])?;
        Ok(self.kfuncs)
    }

    fn proto(&mut self, returned: TypeId, params: &[(&str, TypeId)]) -> Result<TypeId> {
        let mut list = Vec::new();
        for (name, ty) in params {
            let name = self.writer.name(name.as_bytes())?;
            list.push(Param { name, ty: *ty });
        }
        Ok(self.writer.push_func_proto(returned, &list)?)
    }

    fn func(&mut self, name: &str, proto: TypeId, sets: &[(&str, KfuncFlags)]) -> Result<TypeId> {
        for (set, flags) in sets {
            self.kfuncs.push(NamedKfunc {
                name: name.to_owned(),
                flags: *flags,
                set: Some(format!("oracle_{set}")),
            });
        }
        Ok(self
            .writer
            .push_func(name.as_bytes(), proto, Linkage::STATIC)?)
    }
}
