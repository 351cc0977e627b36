// SPDX-License-Identifier: MIT OR Apache-2.0

//! What must have been compared, so that nothing is missing in silence.

use std::collections::BTreeSet;

use anyhow::{ensure, Result};

use super::Compared;

/// The program that is attached as `BPF_TRACE_FSESSION`.
pub(super) const FSESSION: &str = "fixup_session.bpf.o/inlined";

/// Instructions of a large program, before the verifier, and how many of them there are at least.
const LARGE: usize = 300;
const LARGE_PROGRAMS: usize = 3;
/// Instructions of the largest at least.
const LARGEST: usize = 1000;

/// What is for a kernel.
pub(super) struct Expected {
    pub(super) files: &'static [&'static str],
    /// Programs by file and name.
    programs: &'static [&'static str],
    /// The program that cannot be rewritten.
    refused: &'static str,
    /// The kfuncs that they call.
    kfuncs: &'static [&'static str],
}

/// Linux 7.3: with implicit arguments, and with their implementations. `bpf_wq_set_callback` has none that can be called.
const NATIVE: Expected = Expected {
    files: &[
        "fixup.bpf.o",
        "fixup_impl.bpf.o",
        "fixup_large.bpf.o",
        "fixup_session.bpf.o",
        "fixup_out_of_reach.bpf.o",
    ],
    programs: &[
        "fixup.bpf.o/loops",
        "fixup.bpf.o/callback",
        "fixup.bpf.o/objects",
        "fixup.bpf.o/per_cpu",
        "fixup.bpf.o/queue",
        "fixup.bpf.o/cast",
        "fixup_impl.bpf.o/loops",
        "fixup_impl.bpf.o/callback",
        "fixup_impl.bpf.o/objects",
        "fixup_impl.bpf.o/per_cpu",
        "fixup_impl.bpf.o/queue",
        "fixup_impl.bpf.o/cast",
        "fixup_large.bpf.o/interpreter",
        "fixup_large.bpf.o/unrolled",
        "fixup_large.bpf.o/far",
        "fixup_large.bpf.o/classify",
        FSESSION,
        "fixup_session.bpf.o/called",
    ],
    refused: "fixup_out_of_reach.bpf.o/jump",
    kfuncs: &[
        "bpf_cast_to_kern_ctx",
        "bpf_iter_num_destroy",
        "bpf_iter_num_new",
        "bpf_iter_num_next",
        "bpf_list_add",
        "bpf_list_push_back",
        "bpf_list_push_back_impl",
        "bpf_list_push_front",
        "bpf_list_push_front_impl",
        "bpf_obj_drop",
        "bpf_obj_drop_impl",
        "bpf_obj_new",
        "bpf_obj_new_impl",
        "bpf_percpu_obj_drop",
        "bpf_percpu_obj_drop_impl",
        "bpf_percpu_obj_new",
        "bpf_percpu_obj_new_impl",
        "bpf_rbtree_add",
        "bpf_rbtree_add_impl",
        "bpf_rdonly_cast",
        "bpf_refcount_acquire",
        "bpf_refcount_acquire_impl",
        "bpf_session_cookie",
        "bpf_session_is_return",
        "bpf_stream_print_stack",
        "bpf_wq_init",
        "bpf_wq_set_callback",
        "bpf_wq_start",
    ],
};

/// Linux 6.12, which has no `bpf_list_add`, no streams, and no fsession.
const IMPLEMENTATIONS: Expected = Expected {
    files: &[
        "fixup_6_12.bpf.o",
        "fixup_large_6_12.bpf.o",
        "fixup_session_6_12.bpf.o",
        "fixup_out_of_reach_6_12.bpf.o",
    ],
    programs: &[
        "fixup_6_12.bpf.o/loops",
        "fixup_6_12.bpf.o/callback",
        "fixup_6_12.bpf.o/objects",
        "fixup_6_12.bpf.o/per_cpu",
        "fixup_6_12.bpf.o/queue",
        "fixup_6_12.bpf.o/cast",
        "fixup_large_6_12.bpf.o/interpreter",
        "fixup_large_6_12.bpf.o/unrolled",
        "fixup_large_6_12.bpf.o/far",
        "fixup_large_6_12.bpf.o/classify",
        "fixup_session_6_12.bpf.o/called",
    ],
    refused: "fixup_out_of_reach_6_12.bpf.o/jump",
    kfuncs: &[
        "bpf_cast_to_kern_ctx",
        "bpf_iter_num_destroy",
        "bpf_iter_num_new",
        "bpf_iter_num_next",
        "bpf_list_push_back_impl",
        "bpf_list_push_front_impl",
        "bpf_obj_drop_impl",
        "bpf_obj_new_impl",
        "bpf_percpu_obj_drop_impl",
        "bpf_percpu_obj_new_impl",
        "bpf_rbtree_add_impl",
        "bpf_rdonly_cast",
        "bpf_refcount_acquire_impl",
        "bpf_session_cookie",
        "bpf_session_is_return",
        "bpf_wq_init",
        "bpf_wq_set_callback_impl",
        "bpf_wq_start",
    ],
};

impl Expected {
    pub(super) fn of(native: bool) -> &'static Self {
        if native {
            &NATIVE
        } else {
            &IMPLEMENTATIONS
        }
    }

    /// # Errors
    ///
    /// Another set of programs or kfuncs, or programs that are too small.
    pub(super) fn check(&self, compared: &Compared) -> Result<()> {
        let programs = compared.programs.iter().map(|(name, _)| name.as_str());
        same("programs", self.programs, programs)?;
        let refused = compared.refused.iter().map(String::as_str);
        same("refused programs", &[self.refused], refused)?;
        let kfuncs = compared.kfuncs.iter().map(String::as_str);
        same("kfuncs", self.kfuncs, kfuncs)?;
        ensure!(
            compared.larger_than(LARGE) >= LARGE_PROGRAMS && compared.larger_than(LARGEST) > 0,
            "the programs are too small"
        );
        ensure!(
            compared.moved > compared.back && compared.back > 0 && compared.long_jumps > 0,
            "no jumps over calls, of one direction or of 32 bits"
        );
        Ok(())
    }
}

fn same<'n>(
    what: &str,
    expected: &[&'n str],
    compared: impl Iterator<Item = &'n str>,
) -> Result<()> {
    let expected: BTreeSet<_> = expected.iter().copied().collect();
    let compared: BTreeSet<_> = compared.collect();
    let missing: Vec<_> = expected.difference(&compared).collect();
    let unknown: Vec<_> = compared.difference(&expected).collect();
    ensure!(
        missing.is_empty() && unknown.is_empty(),
        "{what}: not compared {missing:?}, not expected {unknown:?}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(expected: &Expected) -> Compared {
        let sizes = [LARGEST + 1, LARGE + 1, LARGE + 1]
            .into_iter()
            .chain([5; 99]);
        let programs = expected.programs.iter().map(|name| (*name).to_owned());
        Compared {
            programs: programs.zip(sizes).collect(),
            refused: vec![expected.refused.to_owned()],
            kfuncs: expected
                .kfuncs
                .iter()
                .map(|name| (*name).to_owned())
                .collect(),
            long_jumps: 1,
            moved: 2,
            back: 1,
            ..Compared::default()
        }
    }

    #[test]
    fn nothing_may_be_missing() {
        for native in [false, true] {
            let expected = Expected::of(native);
            assert!(expected.check(&all(expected)).is_ok());
            let mut fewer = all(expected);
            fewer.programs.pop();
            assert!(expected.check(&fewer).is_err());
            let mut fewer = all(expected);
            fewer.kfuncs.pop_first();
            assert!(expected.check(&fewer).is_err());
            let mut fewer = all(expected);
            fewer.refused.pop();
            assert!(expected.check(&fewer).is_err());
            let mut smaller = all(expected);
            smaller.programs[0].1 = LARGEST;
            assert!(expected.check(&smaller).is_err());
            for none in [
                |compared: &mut Compared| compared.long_jumps = 0,
                |compared: &mut Compared| compared.moved = 1,
                |compared: &mut Compared| compared.back = 0,
            ] {
                let mut fewer = all(expected);
                none(&mut fewer);
                assert!(expected.check(&fewer).is_err());
            }
        }
    }
}
