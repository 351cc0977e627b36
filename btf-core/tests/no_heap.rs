// SPDX-License-Identifier: MIT OR Apache-2.0

//! Nothing takes memory from the heap: every call is made under an allocator that counts.

use std::fmt::{self, Write as _};

use allocation_counter::measure;
use btf_core::validate::{validate, Policy, Release};
use btf_core::{
    Btf, Declaration, Error, IntEncoding, Kind, Linkage, Param, RawMember, Relocation, SortKey,
    Tag, TypeId, Writer,
};

/// Takes what is printed, and keeps only its length.
struct Discard(usize);

impl fmt::Write for Discard {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

/// A struct, and a function that takes a pointer to it.
fn write(out: &mut [u8]) -> Result<usize, Error> {
    let mut writer = Writer::new(out);
    let int = writer.push_int(b"int", 4, IntEncoding::SIGNED)?;
    let member = RawMember {
        name: writer.name(b"id")?,
        ty: int,
        bit_offset: 0,
        bitfield_size: 0,
    };
    let task = writer.push_composite(Kind::STRUCT, b"task", 4, &[member])?;
    let alias = writer.push_typedef(b"task_t", task)?;
    let pointer = writer.push_reference(Kind::PTR, alias)?;
    let param = Param {
        name: writer.name(b"of")?,
        ty: pointer,
    };
    let proto = writer.push_func_proto(int, &[param])?;
    let func = writer.push_func(b"task_id", proto, Linkage::STATIC)?;
    writer.push_decl_tag(Tag::Value(b"bpf_kfunc"), func, None)?;
    Ok(writer.finish()?.len())
}

/// A split BTF over `base`.
fn write_split<'b>(base: &'b Btf<'b>, out: &'b mut [u8]) -> Result<usize, Error> {
    let mut writer = Writer::split(out, base);
    writer.push_typedef(b"number", TypeId(1))?;
    Ok(writer.finish()?.len())
}

/// Asks everything that can be asked; gives the number of answers.
fn ask(btf: &Btf<'_>) -> Result<usize, Error> {
    let mut printed = Discard(0);
    let mut answers = 0;
    for ty in btf.types() {
        let name = btf.name(&ty);
        answers += usize::from(btf.find(name, ty.kind()).is_some());
        answers += btf.named(name, ty.kind()).count() + ty.params().count();
        answers += usize::from(btf.get(ty.id()).is_some());
        answers += usize::from(btf.skip_modifiers(ty.id())?.is_some());
        if let Some(declaration) = Declaration::new(btf, ty) {
            let _ = write!(printed, "{declaration}");
        }
    }
    let task = btf.find(b"task", Kind::STRUCT);
    if let Some(task) = task {
        answers += usize::from(btf.member(&task, "id")?.byte_offset() == Some(0));
        if let Err(error) = btf.member(&task, "no.such") {
            let _ = write!(printed, "{error}");
        }
    }
    Ok(answers + printed.0)
}

/// Moves a split BTF from a distilled base, which knows only an int, onto `kernel`.
fn relocate(kernel: &Btf<'_>) -> Result<usize, Error> {
    let (mut base, mut split, mut moved, mut room) = ([0; 64], [0; 64], [0; 128], [0; 16]);
    let mut writer = Writer::new(&mut base);
    writer.push_int(b"int", 4, IntEncoding::SIGNED)?;
    let base = Btf::parse(writer.finish()?)?;
    let len = write_split(&base, &mut split)?;
    let split = Btf::parse_split(&split[..len], &base)?;
    let len = Relocation::new(&split, kernel, &mut room)?.write(&mut moved)?;
    ask(&Btf::parse_split(&moved[..len], kernel)?)
}

/// Does everything; gives the number of answers.
fn do_everything() -> Result<usize, Error> {
    let (mut data, mut split) = ([0; 512], [0; 128]);
    let len = write(&mut data)?;
    let data = &data[..len];
    let (mut room, mut small_room, mut validation_room) = ([0; 16], [0; 3], [0; 64]);
    let btf = Btf::parse(data)?;
    let len = write_split(&btf, &mut split)?;
    let mut answers = ask(&btf)?;
    answers += ask(&btf.indexed(&mut room))?;
    answers += ask(&Btf::parse_indexed(data, &mut small_room)?)?;
    answers += ask(&Btf::parse_split(&split[..len], &btf)?)?;
    answers += relocate(&btf)?;
    for policy in [
        Policy::Kernel { base: None },
        Policy::User { kernel: Some(&btf) },
    ] {
        for release in Release::ALL {
            answers += ask(&validate(data, policy, release, &mut validation_room)?)?;
        }
    }
    let (mut sorted, mut names, mut sorting_room) = ([0; 512], [0; 32], [0; 64]);
    let mut order = [SortKey::default(); 64];
    let mut writer = Writer::new(&mut sorted);
    writer.push_sorted(
        &btf.names_indexed(&mut names),
        &mut sorting_room,
        &mut order,
    )?;
    answers += ask(&Btf::parse(writer.finish()?)?)?;
    // What is damaged is refused without memory, too.
    for cut in 0..data.len() {
        let damaged = &data[..cut];
        answers += usize::from(Btf::parse(damaged).is_err());
        let policy = Policy::User { kernel: None };
        let refused = validate(damaged, policy, Release::Linux7_3, &mut validation_room);
        answers += usize::from(refused.is_err());
    }
    Ok(answers)
}

#[test]
fn nothing_is_allocated() {
    let mut answers = Ok(0);
    let allocated = measure(|| answers = do_everything());
    assert!(answers.unwrap() > 500);
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn the_allocator_counts() {
    let allocated = measure(|| drop(std::hint::black_box(vec![0_u8; 100])));
    assert_eq!((allocated.count_total, allocated.bytes_max), (1, 100));
}
