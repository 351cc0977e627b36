// SPDX-License-Identifier: MIT OR Apache-2.0

//! A small kernel with kfuncs, and ELF files with its BTF and its sets.

use btf_core::{
    Btf, ByteOrder, Enumerator, IntEncoding, Kind, Linkage, Param, RawMember, Tag, TypeId,
    WriteOptions, Writer,
};
use object::write::{Object, SectionId, Symbol, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, SectionKind, SymbolFlags, SymbolKind, SymbolScope,
};

/// The ids of the FUNCs of a kernel.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ids {
    /// `u32 bpf_new(u64 a)`; full with `const struct bpf_prog_aux *aux`.
    pub(crate) new: u32,
    pub(crate) new_impl: u32,
    /// `void bpf_push(struct page *head)`; full with `void *meta__ign, u64 off`; the full one is a kfunc, too.
    pub(crate) push: u32,
    pub(crate) push_impl: u32,
    /// `struct page (arena) *bpf_arena(struct page (arena) *to__arena)`; full without the tags.
    pub(crate) arena: u32,
    /// `void bpf_plain(void (*call)(u32 n), const char *s__str)`.
    pub(crate) plain: u32,
    /// `u32`, which is no function.
    pub(crate) word: u32,
}

/// BTF in the making.
struct Types<'w> {
    writer: Writer<'w>,
}

impl Types<'_> {
    fn pointer(&mut self, to: TypeId) -> TypeId {
        self.writer.push_reference(Kind::PTR, to).unwrap()
    }

    fn proto(&mut self, returns: TypeId, params: &[(&str, TypeId)]) -> TypeId {
        let params: Vec<_> = params
            .iter()
            .map(|&(name, ty)| Param {
                name: self.writer.name(name.as_bytes()).unwrap(),
                ty,
            })
            .collect();
        self.writer.push_func_proto(returns, &params).unwrap()
    }

    fn func(&mut self, name: &str, returns: TypeId, params: &[(&str, TypeId)]) -> u32 {
        let proto = self.proto(returns, params);
        let name = name.as_bytes();
        let func = self.writer.push_func(name, proto, Linkage::STATIC);
        func.unwrap().0
    }

    fn tag(&mut self, func: u32) {
        let tag = Tag::Value(b"bpf_kfunc");
        self.writer.push_decl_tag(tag, TypeId(func), None).unwrap();
    }
}

/// The BTF of the kernel.
pub(crate) fn vmlinux(byte_order: ByteOrder) -> (Vec<u8>, Ids) {
    let mut out = vec![0; 4096];
    let options = WriteOptions {
        byte_order,
        ..WriteOptions::default()
    };
    let writer = Writer::with(&mut out, options);
    let mut types = Types { writer };
    let mut ids = Ids::default();
    let int = types
        .writer
        .push_int(b"unsigned int", 4, IntEncoding::UNSIGNED);
    let word = types.writer.push_typedef(b"u32", int.unwrap()).unwrap();
    ids.word = word.0;
    let long = types
        .writer
        .push_int(b"unsigned long", 8, IntEncoding::UNSIGNED);
    let long = types.writer.push_typedef(b"u64", long.unwrap()).unwrap();
    let letter = types
        .writer
        .push_int(b"char", 1, IntEncoding::SIGNED)
        .unwrap();
    let letter = types.writer.push_reference(Kind::CONST, letter).unwrap();
    let text = types.pointer(letter);
    let void = types.pointer(TypeId::VOID);
    let aux = types
        .writer
        .push_opaque(Kind::STRUCT, b"bpf_prog_aux", 8)
        .unwrap();
    let aux = types.writer.push_reference(Kind::CONST, aux).unwrap();
    let aux = types.pointer(aux);
    let page = types.writer.push_opaque(Kind::STRUCT, b"page", 64).unwrap();
    let tag = Tag::Attribute(b"address_space(1)");
    let arena_page = types.writer.push_type_tag(tag, page).unwrap();
    let (page, arena_page) = (types.pointer(page), types.pointer(arena_page));

    ids.new = types.func("bpf_new", word, &[("a", long)]);
    ids.new_impl = types.func("bpf_new_impl", word, &[("a", long), ("aux", aux)]);
    ids.push = types.func("bpf_push", TypeId::VOID, &[("head", page)]);
    let params = [("head", page), ("meta__ign", void), ("off", long)];
    ids.push_impl = types.func("bpf_push_impl", TypeId::VOID, &params);
    ids.arena = types.func("bpf_arena", arena_page, &[("to__arena", arena_page)]);
    let params = [("to__arena", page), ("aux", aux)];
    types.func("bpf_arena_impl", page, &params);
    let call = types.proto(TypeId::VOID, &[("n", word)]);
    let call = types.pointer(call);
    let params = [("call", call), ("s__str", text)];
    ids.plain = types.func("bpf_plain", TypeId::VOID, &params);
    for func in [ids.new, ids.push, ids.push_impl, ids.arena, ids.plain] {
        types.tag(func);
    }
    (types.writer.finish().unwrap().to_vec(), ids)
}

/// The BTF of a module over `base`: `struct own *bpf_own(struct own *o, u32 n, enum mode m, union either *e)`, with types of
/// its own and a typedef that the kernel has, too; and the id of its FUNC.
pub(crate) fn module(base: &[u8]) -> (Vec<u8>, u32) {
    let base = Btf::parse(base).unwrap();
    let int = base.find(b"unsigned int", Kind::INT).unwrap().id();
    let mut out = vec![0; 1024];
    let writer = Writer::split(&mut out, &base);
    let mut types = Types { writer };
    let word = types.writer.push_typedef(b"u32", int).unwrap();
    let next = TypeId(types.writer.next_id().0 + 1);
    let own = types.pointer(next);
    let members = [("next", own, 0), ("n", word, 64), ("type", word, 96)];
    let members = members.map(|(name, ty, bit_offset)| RawMember {
        name: types.writer.name(name.as_bytes()).unwrap(),
        ty,
        bit_offset,
        bitfield_size: 0,
    });
    let pushed = types
        .writer
        .push_composite(Kind::STRUCT, b"own", 16, &members);
    assert_eq!(pushed.unwrap(), next);
    let values = [("MODE_OFF", -1), ("MODE_ON", 1)].map(|(name, value)| Enumerator {
        name: types.writer.name(name.as_bytes()).unwrap(),
        value,
    });
    let mode = types
        .writer
        .push_enum(Kind::ENUM, b"mode", 4, true, &values)
        .unwrap();
    let either = [("n", word), ("m", mode)].map(|(name, ty)| RawMember {
        name: types.writer.name(name.as_bytes()).unwrap(),
        ty,
        bit_offset: 0,
        bitfield_size: 0,
    });
    let either = types
        .writer
        .push_composite(Kind::UNION, b"either", 4, &either)
        .unwrap();
    let either = types.pointer(either);
    let params = [("o", own), ("n", word), ("m", mode), ("e", either)];
    let func = types.func("bpf_own", own, &params);
    types.tag(func);
    (types.writer.finish().unwrap().to_vec(), func)
}

/// A set: its name, its flags, and ids with flags.
pub(crate) type Set<'s> = (&'s str, u32, &'s [(u32, u32)]);

/// The same, with ids that are not known beforehand.
pub(crate) type OwnedSet = (&'static str, u32, Vec<(u32, u32)>);

/// The sets of the kernel: one of each kind of kfunc, two in two sets, and one that is of something else.
pub(crate) fn sets(ids: &Ids) -> [OwnedSet; 4] {
    const NATIVE: u32 = 1 << 16;
    [
        (
            "generic_btf_ids",
            1,
            vec![
                (ids.new, NATIVE | 1 << 5),
                (ids.push, NATIVE),
                (ids.push_impl, 0),
            ],
        ),
        ("scx_kfunc_ids_any", 1, vec![(ids.arena, NATIVE | 1 << 30)]),
        (
            "their_own",
            1,
            vec![(ids.new, NATIVE | 1 << 5), (ids.plain, 0)],
        ),
        ("bpf_mptcp_fmodret_ids", 0, vec![(ids.word, 0)]),
    ]
}

/// An ELF file with these sections, and with `sets` in `.BTF_ids`.
pub(crate) fn elf(order: ByteOrder, sections: &[(&str, &[u8])], sets: &[Set<'_>]) -> Vec<u8> {
    elf_with_names(order, sections, sets, &[])
}

/// The same; each set with the names that the symbols of its functions have.
pub(crate) fn elf_with_names(
    order: ByteOrder,
    sections: &[(&str, &[u8])],
    sets: &[Set<'_>],
    names: &[&[&str]],
) -> Vec<u8> {
    let (endianness, architecture) = match order {
        ByteOrder::Little => (Endianness::Little, Architecture::X86_64),
        ByteOrder::Big => (Endianness::Big, Architecture::S390x),
    };
    let mut object = Object::new(BinaryFormat::Elf, architecture, endianness);
    for (name, data) in sections {
        let name = name.as_bytes().to_vec();
        let section = object.add_section(Vec::new(), name, SectionKind::Metadata);
        object.append_section_data(section, data, 4);
    }
    let other = object.add_section(Vec::new(), b".other".to_vec(), SectionKind::ReadOnlyData);
    object.append_section_data(other, &[0xff; 16], 1);
    symbol(&mut object, other, "__BTF_ID__set8__elsewhere", 0);
    if !sets.is_empty() {
        let name = b".BTF_ids".to_vec();
        let section = object.add_section(Vec::new(), name, SectionKind::ReadOnlyData);
        // What comes before the first set, as the ids of functions do.
        object.append_section_data(section, &[0xff; 4], 1);
        for (place, (name, flags, pairs)) in sets.iter().enumerate() {
            let mut words = vec![pairs.len() as u32, *flags];
            words.extend(pairs.iter().flat_map(|&(id, flags)| [id, flags]));
            let bytes = |word: u32| match order {
                ByteOrder::Little => word.to_le_bytes(),
                ByteOrder::Big => word.to_be_bytes(),
            };
            let bytes: Vec<_> = words.into_iter().flat_map(bytes).collect();
            let offset = object.append_section_data(section, &bytes, 1);
            symbol(
                &mut object,
                section,
                &format!("__BTF_ID__set8__{name}"),
                offset,
            );
            let names = names.get(place).copied().unwrap_or_default();
            for (at, name) in (offset + 8..).step_by(8).zip(names) {
                let name = format!("__BTF_ID__func__{name}__{at}");
                symbol(&mut object, section, &name, at);
            }
        }
    }
    object.write().unwrap()
}

fn symbol(object: &mut Object<'_>, section: SectionId, name: &str, value: u64) {
    object.add_symbol(Symbol {
        name: name.as_bytes().to_vec(),
        value,
        size: 0,
        kind: SymbolKind::Label,
        scope: SymbolScope::Compilation,
        weak: false,
        section: SymbolSection::Section(section),
        flags: SymbolFlags::None,
    });
}

/// The kernel's ELF file.
pub(crate) fn vmlinux_elf(order: ByteOrder) -> Vec<u8> {
    let (btf, ids) = vmlinux(order);
    let sets = sets(&ids);
    let sets: Vec<Set<'_>> = sets
        .iter()
        .map(|(name, flags, pairs)| (*name, *flags, pairs.as_slice()))
        .collect();
    elf(order, &[(".BTF", &btf)], &sets)
}
