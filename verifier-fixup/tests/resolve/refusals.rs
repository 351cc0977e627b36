// SPDX-License-Identifier: MIT OR Apache-2.0

//! Every refusal, with its words and its reason.

use crate::small_kernel::{with_world, World, FDS, GOING, IN_MODULE, NONE, NO_BTF, OTHER_BTF};
use kfunc_abi::{KernelVersion, KfuncFlags, ProgType, Source};
use verifier_fixup::insn::{Code, Insn, Reg};
use verifier_fixup::resolve::{resolve, Call, FdArray, Kernel, KfuncBtf, Program, Rules, Way};

/// What is made of a program as root loads it.
type Change = fn(&mut Program<'_>);

/// The words of the refusal, and the reason.
fn refused(kernel: &Kernel<'_>, program: &Program<'_>, call: Call) -> (String, String) {
    match resolve(kernel, program, call) {
        Ok(resolved) => panic!("{:?}", resolved.name.escape_ascii()),
        Err(refusal) => {
            let reason = refusal.reason().map(|reason| reason.to_string());
            (refusal.to_string(), reason.unwrap_or_default())
        }
    }
}

/// Checks what a syscall program is told.
fn check(rules: Rules, call: impl Fn(&World<'_>) -> Call, words: &str, reason: &str) {
    with_world(rules, |world| {
        let program = world.program(ProgType::SYSCALL);
        let expected = (words.to_owned(), reason.to_owned());
        assert_eq!(
            refused(&world.kernel, &program, call(world)),
            expected,
            "{rules:?}"
        );
    });
}

fn at(id: i32, fd_index: i16) -> impl Fn(&World<'_>) -> Call {
    move |_| Call { id, fd_index }
}

#[test]
fn who_may_not_call_at_all_is_told_first() {
    let changes: [(Change, &str); 3] = [
        (
            |program| program.bpf_capable = false,
            "loading/calling other bpf or kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN",
        ),
        (
            |program| program.jit_requested = false,
            "JIT is required for calling kernel function",
        ),
        (
            |program| program.gpl_compatible = false,
            "cannot call kernel function from non-GPL compatible program",
        ),
    ];
    for rules in Rules::ALL {
        with_world(rules, |world| {
            for (change, words) in changes {
                let mut program = world.program(ProgType::XDP);
                change(&mut program);
                // Before anything is said of the call.
                for call in [world.call("plain"), Call { id: 0, fd_index: 0 }] {
                    assert_eq!(refused(&world.kernel, &program, call).0, words);
                }
            }
            let without = Kernel {
                vmlinux: None,
                ..world.kernel
            };
            let program = world.program(ProgType::XDP);
            assert_eq!(
                refused(&without, &program, world.call("plain")).0,
                "calling kernel function is not supported without CONFIG_DEBUG_INFO_BTF"
            );
        });
    }
}

#[test]
fn an_id_is_that_of_a_function() {
    let never = "the call was never resolved: no BTF has the function";
    let none = "the BTF has no type of this id";
    let eliminated = "invalid kernel function call not eliminated in verifier pass";
    for rules in Rules::ALL {
        check(rules, at(0, 0), eliminated, never);
        check(
            rules,
            at(1, 0),
            "kernel btf_id 1 is not a function",
            "the type of this id is of the kind INT",
        );
        check(
            rules,
            at(1, IN_MODULE),
            "kernel btf_id 1 is not a function",
            "the type of this id is of the kind INT",
        );
        check(
            rules,
            at(99_999, 0),
            "kernel btf_id 99999 is not a function",
            none,
        );
        check(
            rules,
            at(i32::MAX, IN_MODULE),
            "kernel btf_id 2147483647 is not a function",
            none,
        );
        check(
            rules,
            |world| world.call("no_prototype"),
            &with_id(
                rules,
                "no_prototype",
                "kernel function btf_id {} does not have a valid func_proto",
            ),
            "",
        );
    }
    check(
        Rules::V6_12,
        at(0, IN_MODULE),
        "kernel btf_id 0 is not a function",
        never,
    );
    check(
        Rules::V7_3,
        at(0, IN_MODULE),
        "invalid kernel function btf_id 0",
        never,
    );
    check(
        Rules::V6_12,
        at(-1, 0),
        "kernel btf_id 4294967295 is not a function",
        none,
    );
    check(
        Rules::V7_3,
        at(-1, 0),
        "invalid kernel function btf_id -1",
        "",
    );
    // Which comes first, where two things are wrong?
    check(
        Rules::V7_3,
        at(-1, -1),
        "invalid kernel function btf_id -1",
        "",
    );
    check(
        Rules::V6_12,
        at(0, -1),
        "negative offset disallowed for kernel module function call\n\
         failed to find BTF for kernel function",
        "",
    );
}

/// `words` with the id of the function of vmlinux.
fn with_id(rules: Rules, name: &str, words: &str) -> String {
    let mut text = String::new();
    with_world(rules, |world| {
        text = words.replace("{}", &world.id(name).0.to_string())
    });
    text
}

#[test]
fn an_fd_index_is_that_of_a_module() {
    let not_found = |why: &str| format!("{why}\nfailed to find BTF for kernel function");
    for rules in Rules::ALL {
        for (index, words, reason) in [
            (
                -1,
                not_found("negative offset disallowed for kernel module function call"),
                "",
            ),
            (
                i16::MIN,
                not_found("negative offset disallowed for kernel module function call"),
                "",
            ),
            (NO_BTF, not_found("invalid module BTF fd specified"), ""),
            (
                OTHER_BTF,
                not_found("BTF fd for kfunc is not a module BTF"),
                "",
            ),
            (
                GOING,
                "failed to find BTF for kernel function".to_owned(),
                "the module is not there yet, or no more",
            ),
            (
                FDS as i16,
                "failed to find BTF for kernel function".to_owned(),
                "the program brings no so many file descriptors",
            ),
        ] {
            check(rules, at(5, index), &words, reason);
        }
        with_world(rules, |world| {
            let program = Program::new(ProgType::XDP, None);
            let words = not_found("kfunc offset > 0 without fd_array is invalid");
            assert_eq!(
                refused(&world.kernel, &program, Call { id: 5, fd_index: 1 }).0,
                words
            );
            // vmlinux needs none.
            assert!(resolve(&world.kernel, &program, world.call("plain")).is_ok());
        });
    }
}

#[test]
fn only_the_newer_kernel_counts_fds_and_knows_signatures() {
    let words = |rules, index: i16, change: fn(&mut Program<'_>)| {
        let mut words = String::new();
        with_world(rules, |world| {
            let mut program = world.program(ProgType::XDP);
            change(&mut program);
            words = refused(
                &world.kernel,
                &program,
                Call {
                    id: 5,
                    fd_index: index,
                },
            )
            .0;
        });
        words.lines().next().unwrap_or_default().to_owned()
    };
    let count: fn(&mut Program<'_>) = |program| {
        let array = program.fd_array.unwrap();
        program.fd_array = Some(FdArray {
            counted: true,
            ..array
        });
    };
    let sign: fn(&mut Program<'_>) = |program| program.signed = true;
    for (index, change, new, old) in [
        (
            5,
            count,
            "kfunc fd_idx 5 out of bounds, fd_array_cnt 5",
            "failed to find BTF for kernel function",
        ),
        (
            4,
            count,
            "kfunc fd_idx 4 is not a module BTF",
            "invalid module BTF fd specified",
        ),
        (
            3,
            count,
            "BTF fd for kfunc is not a module BTF",
            "BTF fd for kfunc is not a module BTF",
        ),
        (
            1,
            sign,
            "signed program cannot bind any BTF",
            "kernel btf_id 5 is not a function",
        ),
    ] {
        assert_eq!(words(Rules::V7_3, index, change), new);
        assert_eq!(words(Rules::V6_12, index, change), old);
    }
}

#[test]
fn a_function_has_an_address_and_a_prototype() {
    let only = "it is no function, but the full prototype of pair, which is what programs call";
    for rules in Rules::ALL {
        check(
            rules,
            |world| world.call("pair_impl"),
            "cannot find address for kernel function pair_impl",
            only,
        );
        check(
            rules,
            |world| world.module_call("mod_bound_impl"),
            "cannot find address for kernel function mod_bound_impl",
            &only.replace("pair", "mod_bound"),
        );
        check(
            rules,
            |world| world.call("static_inline"),
            "cannot find address for kernel function static_inline",
            "no symbol has this name",
        );
        check(
            rules,
            |world| world.call("large"),
            "The function large arg0 type STRUCT is unsupported.",
            "",
        );
        check(
            rules,
            |world| world.call("thirteen"),
            "The function thirteen has 13 arguments. Too many.",
            "",
        );
        with_world(rules, |world| {
            let mut program = world.program(ProgType::XDP);
            let words = "metadata kfuncs require device-bound program";
            let call = world.call("device");
            assert_eq!(refused(&world.kernel, &program, call).0, words);
            program.device_bound = true;
            assert!(resolve(&world.kernel, &program, call).is_ok());
        });
    }
}

#[test]
fn the_flag_asks_for_a_full_prototype_on_the_newer_kernel() {
    let words = "cannot find function unsplit_impl in BTF\n\
                 kernel function btf_id {} does not have a valid func_proto";
    check(
        Rules::V7_3,
        |world| world.call("unsplit"),
        &with_id(Rules::V7_3, "unsplit", words),
        "the kfunc has KF_IMPLICIT_ARGS, but resolve_btfids did not split its prototype",
    );
    with_world(Rules::V6_12, |world| {
        let program = world.program(ProgType::SYSCALL);
        let resolved = resolve(&world.kernel, &program, world.call("unsplit")).unwrap();
        // The program passes both.
        assert_eq!((resolved.way(), resolved.values().count()), (Way::Plain, 0));
        assert_eq!(resolved.signature.source(), Source::Unsplit);
    });
}

#[test]
fn a_set_of_the_hook_allows_a_call() {
    let not_allowed = |name: &str| format!("calling kernel function {name} is not allowed");
    let cases = [
        ("no_kfunc", ProgType::XDP, "it is in no set of kfuncs"),
        (
            "xdp_only",
            ProgType::SYSCALL,
            "it is for programs of the hook XDP; that of this one is SYSCALL",
        ),
        (
            "xdp_only",
            ProgType::SK_MSG,
            "programs of this type may only call what is registered for all types; it is for the hook XDP",
        ),
        (
            "xdp_only",
            ProgType(99),
            "programs of this type may only call what is registered for all types; it is for the hook XDP",
        ),
    ];
    for rules in Rules::ALL {
        with_world(rules, |world| {
            for (name, ty, reason) in cases {
                let told = refused(&world.kernel, &world.program(ty), world.call(name));
                assert_eq!(told, (not_allowed(name), reason.to_owned()));
            }
            for ty in ProgType::ALL {
                let program = world.program(ty);
                let allows = |name| resolve(&world.kernel, &program, world.call(name)).is_ok();
                assert!(allows("plain"), "{ty}");
                assert_eq!(allows("xdp_only"), ty == ProgType::XDP, "{ty}");
            }
            // The hook of raw tracepoints is newer.
            let program = world.program(ProgType::RAW_TRACEPOINT);
            let resolved = resolve(&world.kernel, &program, world.call("tracing_only"));
            assert_eq!(resolved.is_ok(), rules == Rules::V7_3);
        });
    }
}

#[test]
fn a_filter_refuses_what_a_set_allows() {
    let filtered = (
        "calling kernel function mod_filtered is not allowed".to_owned(),
        "the filter of the set for the hook TC refuses this program".to_owned(),
    );
    for rules in Rules::ALL {
        with_world(rules, |world| {
            let program = world.program(ProgType::SCHED_CLS);
            let call = world.module_call("mod_filtered");
            assert_eq!(refused(&world.kernel, &program, call), filtered);
            // A function of vmlinux is in no set of the module.
            let call = Call {
                fd_index: IN_MODULE,
                ..world.call("plain")
            };
            let told = refused(&world.kernel, &program, call);
            assert_eq!(told.1, "it is in no set of kfuncs");
        });
    }
}

#[test]
fn a_btf_without_sets_allows_nothing() {
    for rules in Rules::ALL {
        with_world(rules, |world| {
            let vmlinux = KfuncBtf {
                sets: &[],
                ..world.kernel.vmlinux.unwrap()
            };
            let bare = Kernel {
                vmlinux: Some(vmlinux),
                ..world.kernel
            };
            let told = refused(&bare, &world.program(ProgType::XDP), world.call("plain"));
            let words = "calling kernel function plain is not allowed";
            let reason = "its BTF has no kfuncs: none was registered";
            assert_eq!(told, (words.to_owned(), reason.to_owned()));
        });
    }
}

#[test]
fn flags_are_those_of_the_first_set() {
    let flags = |rules, ty| {
        let mut flags = KfuncFlags::all();
        with_world(rules, |world| {
            let call = world.call("twice");
            flags = resolve(&world.kernel, &world.program(ty), call)
                .unwrap()
                .flags;
        });
        flags
    };
    for rules in Rules::ALL {
        assert_eq!(flags(rules, ProgType::XDP), KfuncFlags::RCU);
    }
    // Where the first set's filter refuses, only the older kernel takes the flags of the other one.
    for (rules, expected) in [(Rules::V6_12, NONE), (Rules::V7_3, KfuncFlags::RCU)] {
        with_world(rules, |world| {
            let vmlinux = world.kernel.vmlinux.unwrap();
            let refuses = |_: ProgType, _| false;
            let mut sets = vmlinux.sets.to_vec();
            let common = sets
                .iter_mut()
                .find(|set| set.hook == kfunc_abi::Hook::Common);
            common.unwrap().filter = Some(&refuses);
            let kernel = Kernel {
                vmlinux: Some(KfuncBtf {
                    sets: &sets,
                    ..vmlinux
                }),
                ..world.kernel
            };
            let program = Program::new(ProgType::XDP, None);
            let resolved = resolve(&kernel, &program, world.call("twice")).unwrap();
            assert_eq!(resolved.flags, expected);
            let refusal = resolve(&kernel, &program, world.call("plain")).unwrap_err();
            assert_eq!(
                refusal.reason().unwrap().to_string(),
                "the filter of the set for the hook COMMON refuses this program"
            );
        });
    }
}

#[test]
fn flags_ask_something_of_the_program() {
    let cases: [(&str, Change, &str); 3] = [
        (
            "sleeps",
            |_| {},
            "program must be sleepable to call sleepable kfunc sleeps",
        ),
        (
            "destroys",
            |program| program.may_destroy = false,
            "destructive kfunc calls require CAP_SYS_BOOT capability",
        ),
        (
            "measures",
            |program| program.perfmon_capable = false,
            "measures is allowed only to CAP_PERFMON and CAP_SYS_ADMIN",
        ),
    ];
    for rules in Rules::ALL {
        with_world(rules, |world| {
            for (name, change, words) in cases {
                let mut program = world.program(ProgType::SYSCALL);
                change(&mut program);
                let call = world.call(name);
                if name == "measures" && rules == Rules::V6_12 {
                    assert!(resolve(&world.kernel, &program, call).is_ok());
                } else {
                    assert_eq!(refused(&world.kernel, &program, call).0, words);
                }
                let mut program = world.program(ProgType::SYSCALL);
                program.sleepable = true;
                assert!(resolve(&world.kernel, &program, call).is_ok());
            }
        });
    }
}

#[test]
fn arguments_fit_into_what_the_kernel_has() {
    check(
        Rules::V6_12,
        |world| world.call("six"),
        "Function six has 6 > 5 args",
        "this kernel has no arguments on the stack",
    );
    let one = "the verifier fills in one struct bpf_prog_aux pointer of a call, in a register";
    check(
        Rules::V7_3,
        |world| world.call("two_auxes"),
        "verifier bug: Only 1 prog->aux argument supported per-kfunc",
        one,
    );
    check(
        Rules::V7_3,
        |world| world.call("late_aux"),
        "*(R11-8) prog->aux cannot be a stack argument",
        one,
    );
    with_world(Rules::V7_3, |world| {
        let program = world.program(ProgType::XDP);
        assert!(resolve(&world.kernel, &program, world.call("six")).is_ok());
    });
}

#[test]
fn calls_are_read_from_instructions() {
    let insn = |src| Insn::new(Code::CALL, Reg::R0, src, 3, 77);
    let call = Call {
        id: 77,
        fd_index: 3,
    };
    assert_eq!(Call::of(insn(Reg::PSEUDO_KFUNC_CALL)), Some(call));
    assert_eq!(Call::of(insn(Reg::PSEUDO_CALL)), None);
    assert_eq!(Call::of(insn(Reg::NONE)), None);
}

#[test]
fn kernels_that_nobody_read_have_no_rules() {
    for ((major, minor), rules) in [
        ((6, 12), Some(Rules::V6_12)),
        ((7, 3), Some(Rules::V7_3)),
        ((7, 9), Some(Rules::V7_3)),
        ((7, 2), None),
        ((6, 13), None),
        ((6, 11), None),
    ] {
        assert_eq!(Rules::of(KernelVersion::new(major, minor)), rules);
    }
}
