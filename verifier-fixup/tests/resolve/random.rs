// SPDX-License-Identifier: MIT OR Apache-2.0

//! Calls, sets and BTF by chance: whatever comes, there is an answer, and one that fits.

use crate::small_kernel::{vmlinux_bytes, with_world, FDS, IN_MODULE};
use btf_core::{Btf, ByteOrder, Kind, TypeId};
use fastrand::Rng;
use kfunc_abi::{Hook, IdSetReader, KfuncFlags, Presence, ProgType};
use verifier_fixup::resolve::{
    resolve, Bound, Call, HookSet, Kernel, KfuncBtf, Program, Refusal, Resolved, Rules,
};

const HOOKS: [Hook; 4] = [Hook::Common, Hook::Xdp, Hook::Tracing, Hook::Tc];
/// Types that the small kernel has, at most.
const IDS: i32 = 120;

/// A set of ids by chance, and what it is registered for.
struct RandomSet {
    hook: Hook,
    bytes: Vec<u8>,
}

impl RandomSet {
    fn new(rng: &mut Rng) -> Self {
        let mut ids: Vec<_> = (0..rng.u32(..40)).map(|_| rng.u32(..IDS as u32)).collect();
        ids.sort_unstable();
        let mut words = vec![ids.len() as u32, 1];
        // Mostly the flags that decide something.
        let flags = [0, 0, 1 << 16, 1 << 16, 1 << 5, rng.u32(..)];
        words.extend(ids.iter().flat_map(|id| [*id, rng.choice(flags).unwrap()]));
        Self {
            hook: rng.choice(HOOKS).unwrap(),
            bytes: words.iter().flat_map(|word| word.to_le_bytes()).collect(),
        }
    }

    fn registered(&self) -> HookSet<'_> {
        HookSet {
            hook: self.hook,
            kfuncs: IdSetReader::read(&self.bytes, ByteOrder::Little).unwrap(),
            filter: None,
        }
    }
}

fn random_call(rng: &mut Rng) -> Call {
    let id = match rng.u8(..8) {
        0 => rng.i32(..),
        _ => rng.i32(-1..IDS),
    };
    let fd_index = match rng.u8(..8) {
        0 => rng.i16(..),
        1 => rng.i16(-1..=FDS as i16),
        2..=4 => IN_MODULE,
        _ => 0,
    };
    Call { id, fd_index }
}

fn random_program<'a>(rng: &mut Rng, program: Program<'a>) -> Program<'a> {
    let mut mostly = || rng.u8(..32) != 0;
    Program {
        gpl_compatible: mostly(),
        jit_requested: mostly(),
        sleepable: mostly(),
        bpf_capable: mostly(),
        may_destroy: mostly(),
        perfmon_capable: mostly(),
        device_bound: mostly(),
        signed: !mostly(),
        ..program
    }
}

/// What holds of every answer.
fn check_resolved(
    kernel: &Kernel<'_>,
    from: &KfuncBtf<'_>,
    program: &Program<'_>,
    found: &Resolved<'_>,
) {
    let func = from.btf.get(found.func).unwrap();
    assert_eq!(
        (func.kind(), from.btf.name(&func)),
        (Kind::FUNC, found.name)
    );
    assert!(program.bpf_capable && program.jit_requested && program.gpl_compatible);
    assert!(program.sleepable || !found.flags.contains(KfuncFlags::SLEEPABLE));
    let ty = program.prog_type;
    let own = ty.has_hook_in(kernel.rules.version()) == Presence::Present;
    let mut sets = from.sets.iter();
    let set = sets.find(|set| {
        let of_program = own && ty.hook() == Some(set.hook);
        (set.hook == Hook::Common || of_program) && set.kfuncs.find(found.func).is_some()
    });
    assert!(set.is_some());
    let places: Vec<_> = found.values().map(|value| value.index).collect();
    assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
    for value in found.values() {
        assert_eq!(
            value.register.map(|reg| usize::from(reg.0)),
            (value.index < 5).then_some(value.index + 1)
        );
    }
    let _ = (found.way(), found.is_legacy());
}

fn check_refusal(refusal: &Refusal<'_>) {
    assert!(!refusal.to_string().is_empty());
    assert!(refusal
        .reason()
        .is_none_or(|reason| !reason.to_string().is_empty()));
}

#[test]
fn calls_and_sets_by_chance_have_an_answer_that_fits() {
    let (mut good, mut bad) = (0, 0);
    for rules in Rules::ALL {
        with_world(rules, |world| {
            for seed in 0..500 {
                let mut rng = Rng::with_seed(seed);
                let sets: Vec<_> = (0..6).map(|_| RandomSet::new(&mut rng)).collect();
                let sets: Vec<_> = sets.iter().map(RandomSet::registered).collect();
                let vmlinux = KfuncBtf {
                    sets: &sets,
                    ..world.kernel.vmlinux.unwrap()
                };
                let kernel = Kernel {
                    vmlinux: Some(vmlinux),
                    ..world.kernel
                };
                for _ in 0..80 {
                    let ty = ProgType(rng.u32(..40));
                    let program = random_program(&mut rng, world.program(ty));
                    let call = random_call(&mut rng);
                    match resolve(&kernel, &program, call) {
                        Ok(found) => {
                            let from = if call.fd_index == 0 {
                                &vmlinux
                            } else {
                                &world.module
                            };
                            check_resolved(&kernel, from, &program, &found);
                            good += 1;
                        }
                        Err(refusal) => {
                            check_refusal(&refusal);
                            bad += 1;
                        }
                    }
                }
            }
        });
    }
    assert!(good > 1_500 && bad > 1_500, "{good} good, {bad} bad");
}

#[test]
fn damaged_btf_has_an_answer() {
    let whole = vmlinux_bytes();
    let (mut parsed, mut good) = (0, 0);
    for seed in 0..200 {
        let mut rng = Rng::with_seed(seed);
        let mut bytes = whole.clone();
        for _ in 0..rng.usize(1..12) {
            let place = rng.usize(24..bytes.len());
            bytes[place] = rng.u8(..);
        }
        let mut room = [0; IDS as usize];
        let Ok(btf) = Btf::parse_indexed(&bytes, &mut room) else {
            continue;
        };
        parsed += 1;
        let all: Vec<_> = (1..btf.end_id().0)
            .flat_map(|id| [id, rng.u32(..4) << 15])
            .collect();
        let mut words = vec![all.len() as u32 / 2, 1];
        words.extend(all);
        let set = RandomSet {
            hook: Hook::Common,
            bytes: words.iter().flat_map(|word| word.to_le_bytes()).collect(),
        };
        let bound = [Bound {
            public: TypeId(rng.u32(..IDS as u32)),
            full: TypeId(rng.u32(..IDS as u32)),
        }];
        let sets = [set.registered()];
        for rules in Rules::ALL {
            let vmlinux = KfuncBtf {
                btf: &btf,
                sets: &sets,
                bound: &bound,
            };
            let kernel = Kernel {
                rules,
                vmlinux: Some(vmlinux),
                has_symbol: &|_| true,
                device_bound: None,
            };
            let program = Program::new(ProgType::XDP, None);
            for id in 0..IDS {
                match resolve(&kernel, &program, Call { id, fd_index: 0 }) {
                    Ok(found) => {
                        let program = Program {
                            sleepable: true,
                            ..program
                        };
                        check_resolved(&kernel, &vmlinux, &program, &found);
                        good += 1;
                    }
                    Err(refusal) => check_refusal(&refusal),
                }
            }
        }
    }
    assert!(parsed > 15 && good > 500, "{parsed} parsed, {good} good");
}
