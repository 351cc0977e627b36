// SPDX-License-Identifier: MIT OR Apache-2.0

//! Every source of a value, on both kernels.

use kfunc_abi::{ProgType, Source};
use verifier_fixup::insn::Reg;
use verifier_fixup::resolve::{resolve, Call, Resolved, Rules, Value, ValueFrom, Way};

use crate::small_kernel::{with_world, World, IMPLICIT};

fn value(index: usize, from: ValueFrom, passed: bool) -> Value {
    Value {
        index,
        register: Some(Reg(index as u8 + 1)),
        from,
        passed,
    }
}

/// Resolves a call of a syscall program.
fn resolved(rules: Rules, call: impl Fn(&World<'_>) -> Call, test: impl Fn(&Resolved<'_>)) {
    with_world(rules, |world| {
        let program = world.program(ProgType::SYSCALL);
        let call = call(world);
        match resolve(&world.kernel, &program, call) {
            Ok(resolved) => test(&resolved),
            Err(refusal) => panic!("{call:?}: {refusal}"),
        }
    });
}

#[test]
fn every_value_comes_from_somewhere() {
    use ValueFrom::{NodeOffset, ObjectSize, ProgAux, StructMeta, Unchecked};
    let plain = (Way::Plain, vec![]);
    let native = |values| (Way::Native, values);
    let unfilled = |values| (Way::Unfilled, values);
    let object = |passed| native(vec![value(1, StructMeta, passed)]);
    let new = |passed| {
        native(vec![
            value(0, ObjectSize, true),
            value(1, StructMeta, passed),
        ])
    };
    let push = |at, passed| {
        native(vec![
            value(at, StructMeta, passed),
            value(at + 1, NodeOffset, passed),
        ])
    };
    let left = |at, passed| unfilled(vec![value(at, Unchecked, passed)]);
    // Those of 6.12, then of 7.3.
    for (name, old, new) in [
        ("plain", plain.clone(), plain.clone()),
        (
            "pair",
            left(1, false),
            native(vec![value(1, ProgAux, false)]),
        ),
        ("legacy", left(1, false), left(1, false)),
        ("legacy_impl", left(1, true), left(1, true)),
        ("other", left(1, false), left(1, false)),
        ("takes_aux", plain, native(vec![value(0, ProgAux, true)])),
        ("bpf_obj_new", left(1, false), new(false)),
        ("bpf_obj_new_impl", new(true), new(true)),
        ("bpf_obj_drop", left(1, false), object(false)),
        ("bpf_obj_drop_impl", object(true), object(true)),
        (
            "bpf_list_push_front",
            unfilled(vec![value(2, Unchecked, false), value(3, Unchecked, false)]),
            push(2, false),
        ),
        ("bpf_rbtree_add_impl", push(3, true), push(3, true)),
        (
            "bpf_wq_set_callback_impl",
            native(vec![value(3, ProgAux, true)]),
            left(3, true),
        ),
        ("bpf_wq_set_callback", left(3, false), left(3, false)),
    ] {
        for (rules, expected) in [(Rules::V6_12, old), (Rules::V7_3, new)] {
            resolved(
                rules,
                |world| world.call(name),
                |resolved| {
                    let found = (resolved.way(), resolved.values().collect::<Vec<_>>());
                    assert_eq!(found, expected, "{name} {rules:?}");
                    assert_eq!(resolved.name, name.as_bytes());
                    let legacy = name.ends_with("_impl");
                    assert_eq!(resolved.is_legacy(), legacy, "{name}");
                },
            );
        }
    }
}

#[test]
fn a_module_binds_its_own() {
    for rules in Rules::ALL {
        resolved(
            rules,
            |world| world.module_call("mod_bound"),
            |resolved| {
                let values: Vec<_> = resolved.values().collect();
                let stub = |index| value(index, ValueFrom::Stub, false);
                assert_eq!(values, [stub(1), stub(2)]);
                assert_eq!((resolved.way(), resolved.legacy_of), (Way::Bound, None));
                assert_eq!(resolved.signature.source(), Source::Record);
                // The verifier knows nothing of that.
                assert_eq!(resolved.checked, resolved.signature.public());
            },
        );
        with_world(rules, |world| {
            let program = world.program(ProgType::XDP);
            let call = world.module_call("mod_old_impl");
            let resolved = resolve(&world.kernel, &program, call).unwrap();
            assert_eq!(resolved.way(), Way::Bound);
            let values: Vec<_> = resolved.values().collect();
            assert_eq!(values, [value(1, ValueFrom::Stub, true)]);
            let public = world.module_call("mod_old").id as u32;
            assert_eq!(resolved.legacy_of.map(|id| id.0), Some(public));
        });
    }
}

#[test]
fn the_full_prototype_of_vmlinux_comes_first() {
    resolved(
        Rules::V7_3,
        |world| world.module_call("moved"),
        |resolved| {
            assert_eq!(resolved.flags, IMPLICIT);
            // By the module's own there would be nothing to fill in.
            let values: Vec<_> = resolved.values().collect();
            assert_eq!(values, [value(1, ValueFrom::ProgAux, false)]);
        },
    );
}
