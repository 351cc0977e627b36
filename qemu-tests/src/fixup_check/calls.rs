// SPDX-License-Identifier: MIT OR Apache-2.0

//! What becomes of each call of `bpf/fixup*.bpf.c`, and where in it the values are that the kernel alone knows.

use anyhow::{bail, Context, Result};
use verifier_fixup::fixup::{implicit, iter_num, session, Replacement};
use verifier_fixup::insn::{Insn, Reg};

/// `struct node` of `bpf/fixup_kfuncs.h`: its size, and where its nodes are.
const NODE_SIZE: u32 = 72;
const LIST_NODE: u32 = 8;
const TREE_NODE: u32 = 32;
/// Size of `struct cell` of `bpf/fixup_kfuncs.h`.
const CELL_SIZE: u32 = 8;

/// The helper that is given the aux, too (`bpf_do_misc_fixups` of `kernel/bpf/fixups.c`), as `linux/bpf.h` numbers it.
pub(super) const TIMER_SET_CALLBACK: i32 = 170;
/// What it is called here.
pub(super) const TIMER_SET_CALLBACK_NAME: &str = "bpf_timer_set_callback";

/// What the kernel alone knows of a program.
#[derive(Clone, Copy)]
pub(super) struct Values {
    pub(super) aux: u64,
    pub(super) meta: u64,
}

/// What differs between kernels and programs.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// The verifier inlines the iterator over numbers.
    pub(super) inlines_iterators: bool,
    /// The program is attached as `BPF_TRACE_FSESSION`: the verifier inlines what asks about its session.
    pub(super) is_fsession: bool,
}

/// What becomes of a call of `name`, which has its address already.
pub(super) fn replacement(
    name: &str,
    call: Insn,
    values: Values,
    rules: Rules,
) -> Result<Replacement> {
    let Values { aux, meta } = values;
    Ok(match public_name(name) {
        "bpf_iter_num_new" if rules.inlines_iterators => iter_num::new(),
        "bpf_iter_num_next" if rules.inlines_iterators => iter_num::next(),
        "bpf_iter_num_destroy" if rules.inlines_iterators => iter_num::destroy(),
        "bpf_session_is_return" if rules.is_fsession => session::is_return(),
        "bpf_session_cookie" if rules.is_fsession => session::cookie(),
        "bpf_rdonly_cast" | "bpf_cast_to_kern_ctx" => implicit::cast(),
        "bpf_obj_new" => implicit::obj_new(call, NODE_SIZE, meta),
        "bpf_obj_drop" => implicit::obj_drop(call, meta),
        "bpf_refcount_acquire" => implicit::refcount_acquire(call, meta)?,
        "bpf_list_push_front" | "bpf_list_push_back" => implicit::list_push(call, meta, LIST_NODE)?,
        "bpf_list_add" => implicit::list_add(call, meta, LIST_NODE)?,
        "bpf_rbtree_add" => implicit::list_add(call, meta, TREE_NODE)?,
        "bpf_percpu_obj_new" => implicit::percpu_obj_new(call, CELL_SIZE, 0)?,
        "bpf_percpu_obj_drop" => implicit::percpu_obj_drop(call, 0)?,
        other => match aux_register(other) {
            Some(register) => implicit::prog_aux(call, register, aux),
            None if stays(other) => Replacement::new(&[call]).context("too long")?,
            None => bail!("{name} is not known here"),
        },
    })
}

/// Calls that get nothing but their address, if they are not inlined.
fn stays(name: &str) -> bool {
    name.starts_with("bpf_iter_num_")
        || name.starts_with("bpf_session_")
        || matches!(name, "bpf_wq_init" | "bpf_wq_start")
}

/// Where in the replacement of these calls the aux is.
pub(super) fn aux_offset(name: &str) -> Option<usize> {
    aux_register(public_name(name)).map(|_| 0)
}

/// Where in the replacement of these calls the meta of `struct node` is.
pub(super) fn meta_offset(name: &str) -> Option<usize> {
    match public_name(name) {
        "bpf_obj_new" => Some(1),
        "bpf_obj_drop"
        | "bpf_refcount_acquire"
        | "bpf_list_push_front"
        | "bpf_list_push_back"
        | "bpf_list_add"
        | "bpf_rbtree_add" => Some(0),
        _ => None,
    }
}

/// The register of the aux of these functions.
fn aux_register(name: &str) -> Option<Reg> {
    match name {
        "bpf_stream_print_stack" => Some(Reg::R2),
        TIMER_SET_CALLBACK_NAME => Some(Reg::R3),
        "bpf_wq_set_callback" => Some(Reg::R4),
        _ => None,
    }
}

/// Programs for Linux 6.12 call the implementations.
fn public_name(name: &str) -> &str {
    name.strip_suffix("_impl").unwrap_or(name)
}
