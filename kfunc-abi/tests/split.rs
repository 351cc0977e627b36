// SPDX-License-Identifier: MIT OR Apache-2.0

//! What `Splitter` refuses, and how much memory it asks for. What it makes is compared by `cargo xtask split`.

use btf_core::{
    Btf, ErrorKind, IntEncoding, Kind, Linkage, NewPrototype, Param, Tag, TypeId, Writer,
};
use kfunc_abi::split::{ImplicitRule, SplitErrorKind, SplitKfunc, Splitter};
use kfunc_abi::KfuncFlags;

const LEN: usize = 2048;
const UNCHANGED: NewPrototype = NewPrototype {
    func: TypeId::VOID,
    proto: TypeId::VOID,
};

/// `int foo(struct bpf_prog_aux *aux)` with a tag; `int many(int, …)`; and the ids of both.
fn input() -> (Vec<u8>, [TypeId; 2]) {
    let mut out = [0; LEN];
    let mut writer = Writer::new(&mut out);
    let int = writer.push_int(b"int", 4, IntEncoding::SIGNED).unwrap();
    let aux = writer
        .push_opaque(Kind::STRUCT, b"bpf_prog_aux", 8)
        .unwrap();
    let pointer = writer.push_reference(Kind::PTR, aux).unwrap();
    let mut func = |name: &[u8], params: &[Param]| {
        let proto = writer.push_func_proto(int, params).unwrap();
        let func = writer.push_func(name, proto, Linkage::STATIC).unwrap();
        writer
            .push_decl_tag(Tag::Value(b"mine"), func, None)
            .unwrap();
        func
    };
    let param = |ty| Param { name: 0, ty };
    let public = func(b"foo", &[param(pointer)]);
    let many = func(b"many", &[param(int); 33]);
    (writer.finish().unwrap().to_vec(), [public, many])
}

/// What comes of it in memory of this size: bytes that were written, changes.
fn split(
    kfuncs: &[(TypeId, KfuncFlags)],
    (len, changes): (usize, usize),
) -> Result<(usize, usize), SplitErrorKind> {
    let (data, _) = input();
    let btf = Btf::parse(&data).unwrap();
    let kfuncs: Vec<_> = kfuncs
        .iter()
        .map(|&(func, flags)| SplitKfunc {
            func,
            flags,
            has_impl: false,
        })
        .collect();
    let splitter = Splitter::new(&btf, &kfuncs, ImplicitRule::OFFICIAL);
    let splitter = splitter.map_err(|error| error.kind)?;
    let tags: Vec<_> = btf.of_kind(Kind::DECL_TAG).map(|tag| tag.id()).collect();
    let (mut out, mut changes) = (vec![0; len], vec![UNCHANGED; changes]);
    let mut writer = Writer::split(&mut out, &btf);
    let changed = splitter.push(&mut writer, &mut changes, &tags);
    let changed = changed.map_err(|error| error.kind)?.len();
    let written = writer.finish().map_err(SplitErrorKind::Btf)?;
    Ok((written.len(), changed))
}

#[test]
fn memory_is_measured() {
    let (_, [public, _]) = input();
    let kfuncs = [(public, KfuncFlags::IMPLICIT_ARGS)];
    // Tag bpf_kfunc; FUNC foo_impl with its tag; a prototype without parameters.
    let names = "bpf_kfunc\0foo_impl\0".len();
    let need = 24 + 16 + 12 + 16 + 12 + names;
    assert_eq!(split(&kfuncs, (need, 1)), Ok((need, 1)));
    for len in [0, need - 1] {
        match split(&kfuncs, (len, 1)) {
            Err(SplitErrorKind::Btf(error)) => {
                assert_eq!(error.kind, ErrorKind::BufferTooSmall { need }, "{len}");
            }
            other => panic!("{len}: {other:?}"),
        }
    }
    let no_changes = SplitErrorKind::ChangesTooSmall { need: 1 };
    assert_eq!(split(&kfuncs, (need, 0)), Err(no_changes));
}

#[test]
fn kfuncs_come_in_order_and_with_the_same_flags() {
    let (_, [public, many]) = input();
    let (plain, implicit) = (KfuncFlags::empty(), KfuncFlags::IMPLICIT_ARGS);
    let all = (LEN, 4);
    let refused = |kfuncs: &[(TypeId, KfuncFlags)]| split(kfuncs, all).map(|_| ());
    assert_eq!(
        refused(&[(many, plain), (public, plain)]),
        Err(SplitErrorKind::Unsorted)
    );
    assert_eq!(
        refused(&[(public, plain), (public, implicit)]),
        Err(SplitErrorKind::InconsistentFlags([plain, implicit]))
    );
    assert_eq!(
        refused(&[(many, plain)]),
        Err(SplitErrorKind::TooManyParams(33))
    );
    assert_eq!(refused(&[(TypeId(1), plain)]), Err(SplitErrorKind::NoFunc));
    assert_eq!(refused(&[(TypeId(99), plain)]), Err(SplitErrorKind::NoFunc));
    // Twice the same is once.
    let once = split(&[(public, implicit)], all);
    assert_eq!(split(&[(public, implicit); 2], all), once);
}
