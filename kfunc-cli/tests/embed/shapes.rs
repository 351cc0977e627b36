// SPDX-License-Identifier: MIT OR Apache-2.0

//! Every type that a declaration can have, on both kinds of base, and every annotation.

use btf_core::{Btf, Kind};
use kfunc_abi::call::Arch;
use kfunc_abi::record::{ID_OFFSET, IMPL_ID_OFFSET, SECTION};
use kfunc_abi::{Annotation, KernelVersion, KfuncFlags, Spelling};
use kfunc_cli::{embed, Embedded};

use crate::describe::{describe, functions, tags};
use crate::kernel::vmlinux;
use crate::module::{section, Module, VERMAGIC_6_12, VERMAGIC_7_3};
use crate::record::{annotated, implicit, param, type_record, Kfunc, Part, Ty};

/// Does `work` with the BTF that `module` gets.
fn with_btf<T>(module: &Module, work: impl FnOnce(&Embedded, &Btf<'_>) -> T) -> T {
    let embedded = embed(&module.bytes(), &vmlinux()).unwrap();
    let base = Btf::parse(embedded.btf_base.as_deref().unwrap()).unwrap();
    let btf = Btf::parse_split(&embedded.btf, &base).unwrap();
    work(&embedded, &btf)
}

/// What becomes of a parameter of type `ty`, in a module that also declares `types`.
fn described(ty: Ty, types: &[Vec<u8>]) -> String {
    let kfunc = Kfunc::new("foo", Ty::void(), vec![param("a", ty)]);
    let module = Module::new(&[types, &[kfunc.record()]].concat());
    with_btf(&module, |_, btf| {
        let func = &functions(btf, "foo")[0];
        let ty = func.strip_prefix("foo: void(");
        ty.and_then(|ty| ty.strip_suffix(" a)")).unwrap().to_owned()
    })
}

fn kernel(kind: Kind, name: &str) -> Ty {
    Ty::kernel(kind, name)
}

#[test]
fn types_of_the_kernel() {
    let task = || kernel(Kind::STRUCT, "task_struct");
    for (ty, expected) in [
        (Ty::typedef("u32"), "u32=__u32=unsigned int"),
        (kernel(Kind::INT, "unsigned int"), "unsigned int"),
        (kernel(Kind::FLOAT, "double"), "double"),
        // By value, and by pointer.
        (task(), "struct task_struct"),
        (task().pointer(), "*struct task_struct"),
        (task().constant().pointer(), "*const struct task_struct"),
        (
            task().volatile().constant().pointer().restrict(),
            "restrict *const volatile struct task_struct",
        ),
        (task().pointer().pointer(), "**struct task_struct"),
        (task().tagged("rcu").pointer(), "*<rcu> struct task_struct"),
        (kernel(Kind::UNION, "bits").pointer(), "*union bits"),
        // A distilled base has names and sizes of enums, and no ENUM64.
        (kernel(Kind::ENUM, "colour"), "ENUM colour{} 4"),
        (kernel(Kind::ENUM, "wide"), "ENUM wide{} 8"),
        (Ty::void().pointer(), "*void"),
        (Ty::void().constant().pointer(), "*const void"),
        (
            Ty::typedef("u32").array(3).pointer(),
            "*[3; unsigned int] u32=__u32=unsigned int",
        ),
        (
            Ty::function(
                Ty::typedef("u64"),
                &[task().pointer(), Ty::void().pointer()],
            )
            .pointer(),
            "*u64=long long unsigned int(*struct task_struct , *void )",
        ),
        (Ty::function(Ty::void(), &[]).pointer(), "*void()"),
        // What has no name is copied.
        (
            Ty::typedef("atomic_t").pointer(),
            "*atomic_t=struct {unsigned int counter @0:0, *struct task_struct of @64:0} 16",
        ),
        (
            Ty::typedef("visit_t"),
            "visit_t=*unsigned int(*struct task_struct task, *volatile void )",
        ),
        (
            Ty::typedef("rcu_task_t"),
            "rcu_task_t=*<rcu> struct task_struct",
        ),
        (kernel(Kind::FWD, "hidden").pointer(), "*fwd hidden"),
    ] {
        assert_eq!(described(ty.clone(), &[]), expected, "{ty:?}");
    }
}

#[test]
fn a_distilled_base_has_the_sizes_that_the_kernel_has() {
    let kfunc = Kfunc::new(
        "foo",
        kernel(Kind::UNION, "bits"),
        vec![param("task", kernel(Kind::STRUCT, "task_struct").pointer())],
    );
    let embedded = embed(&Module::new(&[kfunc.record()]).bytes(), &vmlinux()).unwrap();
    let base = Btf::parse(embedded.btf_base.as_deref().unwrap()).unwrap();
    let types: Vec<_> = base
        .types()
        .map(|ty| (base.name(&ty), ty.kind(), ty.size(), ty.members().count()))
        .collect();
    assert_eq!(
        types,
        [
            (&b"bits"[..], Kind::UNION, Some(4), 0),
            (b"task_struct", Kind::STRUCT, Some(16), 0),
        ]
    );
}

#[test]
fn a_base_is_never_empty() {
    let kfunc = Kfunc::new("foo", Ty::void(), vec![]);
    with_btf(&Module::new(&[kfunc.record()]), |embedded, btf| {
        assert_eq!(functions(btf, "foo"), ["foo: void()"]);
        assert_eq!(btf.first_id().0, 2);
        let signatures = &embedded.signatures[0];
        assert_eq!(
            (signatures.public.as_str(), &signatures.full),
            ("void foo(void)", &None)
        );
        let records = section(&embedded.module, SECTION);
        assert_eq!(records[IMPL_ID_OFFSET..IMPL_ID_OFFSET + 4], [0; 4]);
    });
}

#[test]
fn types_of_the_module() {
    let node = || Ty::module(Kind::STRUCT, 24, "node");
    let types = [
        type_record(
            Kind::STRUCT,
            24,
            "node",
            &[
                Part::Member(0, "cookie", Ty::module(Kind::TYPEDEF, 8, "cookie_t")),
                Part::Member(8, "next", node().pointer()),
                Part::Member(16, "bytes", Ty::typedef("u32").array(2)),
            ],
        ),
        type_record(
            Kind::TYPEDEF,
            8,
            "cookie_t",
            &[Part::Target(Ty::typedef("u64"))],
        ),
        type_record(
            Kind::UNION,
            16,
            "either",
            &[
                Part::Member(0, "task", kernel(Kind::STRUCT, "task_struct")),
                Part::Member(0, "mode", Ty::module(Kind::ENUM, 4, "mode")),
            ],
        ),
        type_record(
            Kind::ENUM,
            4,
            "mode",
            &[Part::Value(-1, "OFF"), Part::Value(7, "ON")],
        ),
        type_record(Kind::ENUM, 8, "mask", &[Part::Value(1 << 40, "HIGH")]),
    ];
    for (ty, expected) in [
        (
            node().pointer(),
            "*struct node{cookie_t=u64=long long unsigned int cookie @0:0, *struct node next @64:0, \
             [2; unsigned int] u32=__u32=unsigned int bytes @128:0} 24",
        ),
        (
            Ty::module(Kind::UNION, 16, "either").constant().pointer(),
            "*const union either{struct task_struct task @0:0, ENUM mode{OFF=-1, ON=7} 4 mode @0:0} 16",
        ),
        (Ty::module(Kind::ENUM, 8, "mask"), "ENUM64 mask{HIGH=1099511627776} 8"),
        // Without a record, the size is all that is known.
        (
            Ty::module(Kind::STRUCT, 40, "secret").pointer(),
            "*struct secret{} 40",
        ),
    ] {
        assert_eq!(described(ty, &types), expected);
    }
}

#[test]
fn a_type_is_written_once() {
    let u32 = || Ty::typedef("u32");
    let task = || kernel(Kind::STRUCT, "task_struct").pointer();
    let kfuncs = ["foo", "bar"].map(|name| {
        Kfunc::new(name, u32(), vec![param("task", task()), param("n", u32())]).record()
    });
    with_btf(&Module::new(&kfuncs), |_, btf| {
        // u32, __u32, PTR, FUNC_PROTO; a FUNC and a tag for each.
        assert_eq!(btf.own_len(), 4 + 2 * 2);
    });
}

#[test]
fn annotations_are_spelled_for_the_kernel() {
    for (vermagic, kernel) in [
        (VERMAGIC_6_12, KernelVersion::new(6, 12)),
        (VERMAGIC_7_3, KernelVersion::new(7, 3)),
    ] {
        let mut spelled = 0;
        for annotation in Annotation::ALL {
            let ty = Ty::typedef("u64").pointer();
            let kfunc = Kfunc::new("foo", Ty::void(), vec![annotated("it", annotation, ty)]);
            let module = Module {
                vermagic: Some(vermagic),
                ..Module::new(&[kfunc.record()])
            };
            let Ok(spelling) = annotation.suffix(kernel) else {
                let error = embed(&module.bytes(), &vmlinux()).unwrap_err().to_string();
                let expected = format!(
                    "kfunc foo, parameter it: Linux {kernel} is not known to read the annotation {annotation:?}: "
                );
                assert!(error.starts_with(&expected), "{error}");
                continue;
            };
            let name = match spelling {
                Spelling::Suffix(suffix) => format!("it{suffix}"),
                Spelling::Name(name) => name.to_owned(),
            };
            with_btf(&module, |_, btf| {
                let func = &functions(btf, "foo")[0];
                assert!(func.ends_with(&format!(" {name})")), "{func}");
            });
            spelled += 1;
        }
        assert!(spelled >= 14, "{kernel}");
    }
}

#[test]
fn programs_see_arena_pointers_in_their_address_space() {
    let pointer = || Ty::typedef("u32").pointer();
    let kfunc = Kfunc {
        flags: KfuncFlags::ARENA_RET | KfuncFlags::ARENA_ARG2,
        slots: 1,
        ..Kfunc::new(
            "foo",
            pointer(),
            vec![
                annotated("a", Annotation::ArenaNullable, pointer()),
                param("b", pointer()),
                implicit("own", kernel(Kind::STRUCT, "bpf_prog_aux").pointer()),
            ],
        )
    };
    // The stub is of a kfunc with one explicit parameter: none is asked for.
    let native = Kfunc { slots: 0, ..kfunc };
    let module = Module {
        vermagic: Some(VERMAGIC_7_3),
        arch: Arch::Arm64,
        ..Module::new(&[native.record()])
    };
    with_btf(&module, |_, btf| {
        let to = "u32=__u32=unsigned int";
        assert_eq!(
            functions(btf, "foo"),
            [format!(
                "foo: *[[address_space(1)]] {to}(*[[address_space(1)]] {to} a__arena__nullable, \
                 *[[address_space(1)]] {to} b)"
            )]
        );
        assert_eq!(
            functions(btf, "foo_impl"),
            [format!(
                "foo_impl: *{to}(*{to} a__arena__nullable, *{to} b, *struct bpf_prog_aux own)"
            )]
        );
    });
}

#[test]
fn old_kernels_do_not_see_an_address_space() {
    let kfunc = Kfunc {
        flags: KfuncFlags::ARENA_RET,
        ..Kfunc::new("foo", Ty::void().pointer(), vec![])
    };
    with_btf(&Module::new(&[kfunc.record()]), |_, btf| {
        assert_eq!(functions(btf, "foo"), ["foo: *void()"]);
    });
}

#[test]
fn what_legacy_programs_call_is_a_kfunc_too() {
    let u32 = || Ty::typedef("u32");
    let own = kernel(Kind::STRUCT, "bpf_prog_aux").pointer();
    let kfunc = Kfunc {
        legacy: true,
        slots: 1,
        ..Kfunc::new("foo", u32(), vec![param("n", u32()), implicit("own", own)])
    };
    let module = Module {
        stub: Some(("foo", 1, true)),
        ..Module::new(&[kfunc.record()])
    };
    with_btf(&module, |embedded, btf| {
        let to = "u32=__u32=unsigned int";
        let full = btf.find_own(b"foo_impl", Kind::FUNC).unwrap().id();
        assert_eq!(
            describe(btf, full),
            format!("foo_impl: {to}({to} n, *struct bpf_prog_aux own__ign)")
        );
        assert_eq!(functions(btf, "foo"), [format!("foo: {to}({to} n)")]);
        assert_eq!(tags(btf, full), ["bpf_kfunc"]);
        let records = section(&embedded.module, SECTION);
        assert_eq!(
            records[IMPL_ID_OFFSET..IMPL_ID_OFFSET + 4],
            full.0.to_le_bytes()
        );
        let public = btf.find_own(b"foo", Kind::FUNC).unwrap().id();
        assert_eq!(records[ID_OFFSET..ID_OFFSET + 4], public.0.to_le_bytes());
    });
}

#[test]
fn fastcall_is_a_tag() {
    let kfunc = Kfunc {
        flags: KfuncFlags::FASTCALL,
        ..Kfunc::new("foo", Ty::void(), vec![])
    };
    with_btf(&Module::new(&[kfunc.record()]), |_, btf| {
        let func = btf.find_own(b"foo", Kind::FUNC).unwrap().id();
        assert_eq!(tags(btf, func), ["bpf_kfunc", "bpf_fastcall"]);
    });
}

#[test]
fn a_module_for_another_arch_than_this_machine() {
    for arch in [Arch::X86_64, Arch::Arm64] {
        let own = kernel(Kind::STRUCT, "bpf_prog_aux").pointer();
        let kfunc = Kfunc {
            slots: 1,
            ..Kfunc::new(
                "foo",
                Ty::void(),
                vec![param("n", Ty::typedef("u32")), implicit("own", own)],
            )
        };
        let module = Module {
            arch,
            stub: Some(("foo", 1, true)),
            ..Module::new(&[kfunc.record()])
        };
        let embedded = embed(&module.bytes(), &vmlinux()).unwrap();
        assert_eq!(
            embedded.signatures[0].full.as_deref(),
            Some("void foo_impl(u32 n, struct bpf_prog_aux *own)")
        );
        let again = embed(&embedded.module, &vmlinux()).unwrap();
        assert_eq!(again.module, embedded.module);
    }
}

#[test]
fn what_cannot_be_declared_is_told_with_its_place() {
    let node = || Ty::module(Kind::STRUCT, 8, "node");
    let defined = |ty| type_record(Kind::STRUCT, 8, "node", &[Part::Member(0, "first", ty)]);
    let other = |ty: Ty| (vec![], ty);
    for ((types, ty), expected) in [
        (
            other(kernel(Kind::STRUCT, "twice").pointer()),
            "kfunc foo, parameter a: the base has 2 types STRUCT 'twice'",
        ),
        (
            other(Ty::typedef("unlike")),
            "kfunc foo, parameter a: the base has 2 types TYPEDEF 'unlike'",
        ),
        (
            other(kernel(Kind::ENUM, "nothing")),
            "kfunc foo, parameter a: the base has no ENUM 'nothing'",
        ),
        (
            other(kernel(Kind::FUNC, "kernel_function")),
            "kfunc foo, parameter a: a FUNC cannot be declared",
        ),
        (
            other(Ty::module(Kind::TYPEDEF, 4, "mine")),
            "kfunc foo, parameter a: the module does not define TYPEDEF 'mine'",
        ),
        (
            (vec![defined(Ty::typedef("u23"))], node()),
            "STRUCT node, member first: the base has no TYPEDEF 'u23'",
        ),
        (
            (
                vec![defined(Ty::typedef("u32")), defined(Ty::typedef("u64"))],
                node(),
            ),
            "STRUCT 'node' is defined twice",
        ),
        (
            (vec![type_record(Kind::PTR, 8, "node", &[])], node()),
            "PTR node: a PTR cannot be declared",
        ),
    ] {
        let kfunc = Kfunc::new("foo", Ty::void(), vec![param("a", ty)]);
        let module = Module::new(&[types, vec![kfunc.record()]].concat());
        let error = embed(&module.bytes(), &vmlinux()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn typedefs_of_one_type_may_share_a_name() {
    let kfunc = Kfunc::new("foo", Ty::void(), vec![param("a", Ty::typedef("again"))]);
    let embedded = embed(&Module::new(&[kfunc.record()]).bytes(), &vmlinux()).unwrap();
    assert_eq!(embedded.signatures[0].public, "void foo(again a)");
}

#[test]
fn a_name_that_the_kernel_has_is_refused() {
    let own = || kernel(Kind::STRUCT, "bpf_prog_aux").pointer();
    for (name, taken) in [
        ("kernel_function", "kernel_function"),
        ("halfway", "halfway_impl"),
    ] {
        let kfunc = Kfunc::new(name, Ty::void(), vec![implicit("own", own())]);
        let error = embed(&Module::new(&[kfunc.record()]).bytes(), &vmlinux()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "{taken}: the kernel has a function of this name, which would be called instead"
            )
        );
    }
}
