// SPDX-License-Identifier: MIT OR Apache-2.0

//! The BTF of a small kernel.

use btf_core::{Enumerator, IntEncoding, Kind, Param, RawMember, Tag, TypeId, Writer};
use verifier_fixup::layout::{Of, FACTS};

/// A kernel with every struct that a layout asks for, and types of all shapes.
pub(crate) fn vmlinux() -> Vec<u8> {
    let mut out = vec![0; 20_000];
    let mut writer = Writer::new(&mut out);
    let int = writer
        .push_int(b"unsigned int", 4, IntEncoding::UNSIGNED)
        .unwrap();
    let alias = writer.push_typedef(b"__u32", int).unwrap();
    writer.push_typedef(b"u32", alias).unwrap();
    let long = writer
        .push_int(b"long long unsigned int", 8, IntEncoding::UNSIGNED)
        .unwrap();
    writer.push_typedef(b"u64", long).unwrap();
    let mut structures: Vec<_> = FACTS.iter().map(|fact| fact.structure).collect();
    structures.dedup();
    for structure in structures {
        let mut members = Vec::new();
        for fact in FACTS.iter().filter(|fact| fact.structure == structure) {
            let (name, ty) = match fact.of {
                Of::Sized(name, 8) => (name, long),
                Of::Member(name) | Of::Sized(name, _) | Of::EitherMember(name, _) => (name, int),
                Of::Size => continue,
            };
            members.push(member(&mut writer, name, ty, 0));
        }
        writer
            .push_composite(Kind::STRUCT, structure.as_bytes(), 8, &members)
            .unwrap();
    }
    push_shapes(&mut writer, int);
    writer.finish().unwrap().to_vec()
}

fn member(writer: &mut Writer<'_>, name: &str, ty: TypeId, bit_offset: u32) -> RawMember {
    RawMember {
        name: writer.name(name.as_bytes()).unwrap(),
        ty,
        bit_offset,
        bitfield_size: 0,
    }
}

/// Types that a declaration can name, and some that it cannot.
fn push_shapes(writer: &mut Writer<'_>, int: TypeId) {
    let pointer = writer.push_reference(Kind::PTR, int).unwrap();
    let members = [
        member(writer, "pid", int, 0),
        member(writer, "stack", pointer, 64),
    ];
    let task = writer
        .push_composite(Kind::STRUCT, b"task_struct", 16, &members)
        .unwrap();
    let low = member(writer, "low", int, 0);
    writer
        .push_composite(Kind::UNION, b"bits", 4, &[low])
        .unwrap();
    let value = Enumerator {
        name: writer.name(b"RED").unwrap(),
        value: 1,
    };
    writer
        .push_enum(Kind::ENUM, b"colour", 4, false, &[value])
        .unwrap();
    let value = Enumerator {
        name: writer.name(b"WIDE").unwrap(),
        value: 1 << 40,
    };
    writer
        .push_enum(Kind::ENUM64, b"wide", 8, false, &[value])
        .unwrap();
    writer.push_opaque(Kind::FLOAT, b"double", 8).unwrap();

    // typedef struct { u32 counter; struct task_struct *of; } atomic_t;
    let to_task = writer.push_reference(Kind::PTR, task).unwrap();
    let members = [
        member(writer, "counter", int, 0),
        member(writer, "of", to_task, 64),
    ];
    let anonymous = writer
        .push_composite(Kind::STRUCT, b"", 16, &members)
        .unwrap();
    writer.push_typedef(b"atomic_t", anonymous).unwrap();
    // typedef const unsigned int (*visit_t)(struct task_struct *task, volatile void *);
    let anything = writer.push_reference(Kind::VOLATILE, TypeId::VOID).unwrap();
    let anything = writer.push_reference(Kind::PTR, anything).unwrap();
    let params = [
        Param {
            name: writer.name(b"task").unwrap(),
            ty: to_task,
        },
        Param {
            name: 0,
            ty: anything,
        },
    ];
    let proto = writer.push_func_proto(int, &params).unwrap();
    let proto = writer.push_reference(Kind::PTR, proto).unwrap();
    writer.push_typedef(b"visit_t", proto).unwrap();
    let rcu = writer.push_type_tag(Tag::Value(b"rcu"), task).unwrap();
    let rcu = writer.push_reference(Kind::PTR, rcu).unwrap();
    writer.push_typedef(b"rcu_task_t", rcu).unwrap();
    writer.push_fwd(Kind::STRUCT, b"hidden").unwrap();

    // Two structs of one name, and a function.
    for size in [8, 16] {
        writer
            .push_composite(Kind::STRUCT, b"twice", size, &[])
            .unwrap();
    }
    // Two typedefs of one name: of one type, as u8 in a vmlinux of 6.12, and of two.
    let named_otherwise = writer.push_typedef(b"otherwise", int).unwrap();
    for (name, target) in [
        ("again", named_otherwise),
        ("again", int),
        ("unlike", int),
        ("unlike", task),
    ] {
        writer.push_typedef(name.as_bytes(), target).unwrap();
    }
    let proto = writer.push_func_proto(TypeId::VOID, &[]).unwrap();
    for function in ["kernel_function", "halfway_impl"] {
        writer
            .push_func(function.as_bytes(), proto, btf_core::Linkage::STATIC)
            .unwrap();
    }
}
