// SPDX-License-Identifier: MIT OR Apache-2.0

//! Signatures of kfuncs, from BTF as kernels of all times have it.

use btf_core::{Btf, IntEncoding, Kind, Linkage, Param, Tag, TypeId, Writer};
use kfunc_abi::{KfuncFlags, Signature, SignatureErrorKind, Source};

/// A BTF with some types, to which functions are added.
struct Kernel<'w> {
    writer: Writer<'w>,
    u32_: TypeId,
    u64_: TypeId,
    void_ptr: TypeId,
    /// `struct bpf_prog_aux *`.
    aux: TypeId,
    /// `const struct bpf_prog_aux *`.
    const_aux: TypeId,
    /// `struct page *`.
    page: TypeId,
    /// `struct page` with an address space, and a pointer to it.
    arena_page: TypeId,
}

impl<'w> Kernel<'w> {
    fn new(out: &'w mut [u8]) -> Self {
        let mut writer = Writer::new(out);
        let u32_ = writer.push_int(b"u32", 4, IntEncoding::UNSIGNED).unwrap();
        let u64_ = writer.push_int(b"u64", 8, IntEncoding::UNSIGNED).unwrap();
        let pointer = |writer: &mut Writer<'_>, to| writer.push_reference(Kind::PTR, to).unwrap();
        let void_ptr = pointer(&mut writer, TypeId::VOID);
        let aux = writer
            .push_opaque(Kind::STRUCT, b"bpf_prog_aux", 8)
            .unwrap();
        let const_aux = writer.push_reference(Kind::CONST, aux).unwrap();
        let page = writer.push_opaque(Kind::STRUCT, b"page", 64).unwrap();
        let tag = Tag::Attribute(b"address_space(1)");
        let arena_page = writer.push_type_tag(tag, page).unwrap();
        Self {
            u32_,
            u64_,
            void_ptr,
            aux: pointer(&mut writer, aux),
            const_aux: pointer(&mut writer, const_aux),
            page: pointer(&mut writer, page),
            arena_page: pointer(&mut writer, arena_page),
            writer,
        }
    }

    fn func(&mut self, name: &str, returns: TypeId, params: &[(&str, TypeId)]) -> TypeId {
        let writer = &mut self.writer;
        let params: Vec<_> = params
            .iter()
            .map(|&(name, ty)| Param {
                name: writer.name(name.as_bytes()).unwrap(),
                ty,
            })
            .collect();
        let proto = writer.push_func_proto(returns, &params).unwrap();
        let name = name.as_bytes();
        writer.push_func(name, proto, Linkage::STATIC).unwrap()
    }

    fn bytes(self) -> Vec<u8> {
        self.writer.finish().unwrap().to_vec()
    }
}

/// Source, explicit parameters and implicit ones, by name.
fn told(data: &[u8], func: TypeId, flags: Option<KfuncFlags>) -> (Source, String, String) {
    let btf = Btf::parse(data).unwrap();
    let func = btf.get(func).unwrap();
    words(&btf, &Signature::of(&btf, &func, flags).unwrap())
}

fn words(btf: &Btf<'_>, signature: &Signature<'_>) -> (Source, String, String) {
    let of = |implicit| {
        let params = signature
            .params()
            .filter(|param| param.implicit == implicit);
        let names = params.map(|param| String::from_utf8_lossy(btf.name_at(param.param.name)));
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        signature.implicit_len(),
        signature.params().filter(|param| param.implicit).count()
    );
    (signature.source(), of(false), of(true))
}

fn answer(source: Source, explicit: &str, implicit: &str) -> (Source, String, String) {
    (source, explicit.to_owned(), implicit.to_owned())
}

const NATIVE: Option<KfuncFlags> = Some(KfuncFlags::IMPLICIT_ARGS);
const OTHER: Option<KfuncFlags> = Some(KfuncFlags::RCU);

#[test]
fn a_pair_is_told_by_position() {
    let mut out = [0; 1024];
    let mut kernel = Kernel::new(&mut out);
    let Kernel {
        u32_,
        u64_,
        void_ptr,
        const_aux,
        ..
    } = kernel;
    let foo = kernel.func("foo", u32_, &[("a", u64_)]);
    let full = kernel.func("foo_impl", u32_, &[("a", u64_), ("aux", const_aux)]);
    // What is implicit may be of any type, and more than one.
    let push = kernel.func("push", u32_, &[("head", void_ptr)]);
    let params = [("head", void_ptr), ("meta__ign", void_ptr), ("off", u64_)];
    kernel.func("push_impl", u32_, &params);
    let data = kernel.bytes();
    for flags in [NATIVE, None] {
        assert_eq!(told(&data, foo, flags), answer(Source::Pair, "a", "aux"));
        let expected = answer(Source::Pair, "head", "meta__ign off");
        assert_eq!(told(&data, push, flags), expected);
    }
    // Without the flag the kernel does not look for the other one.
    assert_eq!(told(&data, foo, OTHER), answer(Source::Plain, "a", ""));
    let btf = Btf::parse(&data).unwrap();
    let signature = Signature::of(&btf, &btf.get(foo).unwrap(), NATIVE).unwrap();
    assert_eq!((signature.func(), signature.full_func()), (foo, Some(full)));
    assert_eq!(
        (signature.name(), signature.return_type()),
        (&b"foo"[..], u32_)
    );
    assert_ne!(signature.public(), signature.full());
}

#[test]
fn arena_pointers_are_tagged_on_one_side_only() {
    let mut out = [0; 1024];
    let mut kernel = Kernel::new(&mut out);
    let Kernel {
        page,
        arena_page,
        aux,
        u64_,
        ..
    } = kernel;
    let params = [("to__arena__nullable", arena_page), ("len", u64_)];
    let foo = kernel.func("foo", arena_page, &params);
    let params = [("to__arena__nullable", page), ("len", u64_), ("aux", aux)];
    kernel.func("foo_impl", page, &params);
    let data = kernel.bytes();
    let expected = answer(Source::Pair, "to__arena__nullable len", "aux");
    for flags in [NATIVE, None] {
        assert_eq!(told(&data, foo, flags), expected);
    }
    // Programs see the tags.
    let btf = Btf::parse(&data).unwrap();
    let signature = Signature::of(&btf, &btf.get(foo).unwrap(), NATIVE).unwrap();
    let first = signature.params().next().unwrap();
    assert_eq!(
        (first.param.ty, signature.return_type()),
        (arena_page, arena_page)
    );
}

#[test]
fn an_impl_alone_is_a_kfunc_like_any_other() {
    let mut out = [0; 1024];
    let mut kernel = Kernel::new(&mut out);
    let Kernel { u32_, void_ptr, .. } = kernel;
    let params = [("wq", void_ptr), ("aux__ign", void_ptr)];
    let alone = kernel.func("bpf_wq_set_callback_impl", u32_, &params);
    let data = kernel.bytes();
    for flags in [OTHER, None] {
        let expected = answer(Source::Plain, "wq aux__ign", "");
        assert_eq!(told(&data, alone, flags), expected);
    }
}

/// Name, return type and parameters of a function, and what is wrong with it.
type Case<'c> = (&'c str, TypeId, &'c [(&'c str, TypeId)], SignatureErrorKind);

#[test]
fn a_function_of_the_right_name_may_have_nothing_to_do_with_it() {
    let mut out = [0; 1024];
    let mut kernel = Kernel::new(&mut out);
    let Kernel {
        u32_,
        u64_,
        void_ptr,
        page,
        aux,
        ..
    } = kernel;
    let foo = kernel.func("foo", u32_, &[("a", u64_)]);
    let cases: [Case<'_>; 5] = [
        (
            "type",
            u32_,
            &[("a", void_ptr), ("aux", aux)],
            SignatureErrorKind::OtherParam(0),
        ),
        (
            "name",
            u32_,
            &[("b", u64_), ("aux", aux)],
            SignatureErrorKind::OtherParam(0),
        ),
        ("none", u32_, &[], SignatureErrorKind::OtherParam(0)),
        (
            "same",
            u32_,
            &[("a", u64_)],
            SignatureErrorKind::NothingImplicit,
        ),
        (
            "return",
            page,
            &[("a", u64_), ("aux", aux)],
            SignatureErrorKind::OtherReturnType,
        ),
    ];
    let mut funcs = Vec::new();
    for (name, returns, params, kind) in cases {
        let public = kernel.func(name, u32_, &[("a", u64_)]);
        let full = kernel.func(&format!("{name}_impl"), returns, params);
        funcs.push((public, full, kind));
    }
    let data = kernel.bytes();
    let btf = Btf::parse(&data).unwrap();
    for (public, full, kind) in funcs {
        assert_eq!(told(&data, public, None), answer(Source::Plain, "a", ""));
        let func = btf.get(public).unwrap();
        let error = Signature::of(&btf, &func, NATIVE).unwrap_err();
        let record = Signature::of_record(&btf, public, full).unwrap_err();
        let full_proto = btf.get(full).unwrap().target().unwrap();
        assert_eq!((error.kind, error.id, record), (kind, full_proto, error));
    }
    let stray = Signature::of(&btf, &btf.get(TypeId(1)).unwrap(), None).unwrap_err();
    assert_eq!(
        (stray.kind, stray.id),
        (SignatureErrorKind::NoFunc, TypeId(1))
    );
    let missing = Signature::of_record(&btf, foo, TypeId(999)).unwrap_err();
    assert_eq!(missing.kind, SignatureErrorKind::NoFunc);
}

#[test]
fn a_prototype_that_was_never_split_is_told_by_its_types() {
    let mut out = [0; 1024];
    let mut kernel = Kernel::new(&mut out);
    let Kernel {
        u32_,
        u64_,
        const_aux,
        void_ptr,
        ..
    } = kernel;
    let params = [("a", u64_), ("aux", const_aux), ("off", u64_)];
    let foo = kernel.func("foo", u32_, &params);
    let none = kernel.func("none", u32_, &[("p", void_ptr), ("n", u64_)]);
    // With a second form in the source, as the kernel's legacy kfuncs have it.
    let old = kernel.func("old", u32_, &params[..2]);
    kernel.func("old_impl", u32_, &[("a", u64_), ("aux__ign", void_ptr)]);
    let data = kernel.bytes();
    let expected = answer(Source::Unsplit, "a", "aux");
    assert_eq!(told(&data, old, NATIVE), expected);
    let expected = answer(Source::Unsplit, "a", "aux off");
    assert_eq!(told(&data, foo, NATIVE), expected);
    assert_eq!(
        told(&data, none, NATIVE),
        answer(Source::Unsplit, "p n", "")
    );
    assert_eq!(
        told(&data, foo, None),
        answer(Source::Plain, "a aux off", "")
    );
}

#[test]
fn suffixes_of_other_kernels_tell_it_anywhere() {
    let mut out = [0; 1024];
    let mut kernel = Kernel::new(&mut out);
    let Kernel {
        u32_,
        u64_,
        void_ptr,
        aux,
        ..
    } = kernel;
    let params = [("wq", void_ptr), ("aux__prog", void_ptr), ("flags", u64_)];
    let prog = kernel.func("prog", u32_, &params);
    let magic = kernel.func("magic", u32_, &[("a", u64_), ("aux__magic", aux)]);
    // As it was to be: programs do not see it.
    let split = kernel.func("split", u32_, &[("a", u64_)]);
    let params = [("a", u64_), ("aux__magic", aux)];
    kernel.func("split_impl", u32_, &params);
    // A suffix is not a name.
    let name = kernel.func("name", u32_, &[("__prog", void_ptr), ("__magic", aux)]);
    let data = kernel.bytes();
    for flags in [OTHER, None] {
        let expected = answer(Source::ProgSuffix, "wq flags", "aux__prog");
        assert_eq!(told(&data, prog, flags), expected);
        let expected = answer(Source::MagicSuffix, "a", "aux__magic");
        assert_eq!(told(&data, magic, flags), expected);
        if flags.is_some() {
            assert_eq!(told(&data, split, flags), expected);
        }
        let expected = answer(Source::Plain, "__prog __magic", "");
        assert_eq!(told(&data, name, flags), expected);
    }
}

#[test]
fn a_record_names_its_functions() {
    let mut out = [0; 1024];
    let mut kernel = Kernel::new(&mut out);
    let Kernel {
        u32_, u64_, aux, ..
    } = kernel;
    let foo = kernel.func("foo", u32_, &[("a", u64_)]);
    let full = kernel.func("any_name", u32_, &[("a", u64_), ("own", aux)]);
    let data = kernel.bytes();
    let btf = Btf::parse(&data).unwrap();
    let pair = Signature::of_record(&btf, foo, full).unwrap();
    assert_eq!(words(&btf, &pair), answer(Source::Record, "a", "own"));
    let plain = Signature::of_record(&btf, foo, foo).unwrap();
    assert_eq!(words(&btf, &plain), answer(Source::Record, "a", ""));
}

#[test]
fn many_parameters_are_no_surprise() {
    let mut out = [0; 1024];
    let mut kernel = Kernel::new(&mut out);
    let Kernel { u32_, u64_, .. } = kernel;
    let params = ["a", "b", "c", "d", "e", "f", "g"].map(|name| (name, u64_));
    let foo = kernel.func("foo", u32_, &params);
    let data = kernel.bytes();
    assert_eq!(told(&data, foo, None).1, "a b c d e f g");
}

#[test]
fn the_verifier_goes_by_the_flag_and_the_name_alone() {
    let mut out = [0; 4096];
    let mut kernel = Kernel::new(&mut out);
    let Kernel {
        u32_, u64_, page, ..
    } = kernel;
    let foo = kernel.func("foo", u32_, &[("a", u64_)]);
    let foreign = kernel.func("foo_impl", u64_, &[("b", page), ("c", page)]);
    let alone = kernel.func("alone", u32_, &[("a", u64_), ("b__prog", page)]);
    let long = "l".repeat(507);
    let long = kernel.func(&long, u32_, &[]);
    let data = kernel.bytes();
    let btf = Btf::parse(&data).unwrap();
    let of = |func: TypeId, flags: Option<KfuncFlags>| {
        let func = btf.get(func).unwrap();
        Signature::of_verifier(&btf, &func, flags.unwrap())
    };

    let pair = of(foo, NATIVE).unwrap();
    assert_eq!(pair.full_func(), Some(foreign));
    assert_eq!(words(&btf, &pair), answer(Source::Pair, "a", "c"));
    let plain = of(foo, OTHER).unwrap();
    assert_eq!(words(&btf, &plain), answer(Source::Plain, "a", ""));
    let plain = of(alone, OTHER).unwrap();
    assert_eq!(words(&btf, &plain), answer(Source::Plain, "a b__prog", ""));
    for (func, kind) in [
        (alone, SignatureErrorKind::NoFull),
        (long, SignatureErrorKind::LongName),
        (TypeId(1), SignatureErrorKind::NoFunc),
    ] {
        let error = of(func, NATIVE).unwrap_err();
        assert_eq!((error.kind, error.id), (kind, func));
    }
}
