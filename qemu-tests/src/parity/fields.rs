// SPDX-License-Identifier: MIT OR Apache-2.0

//! Random structs with special fields, that own one another.

use btf_core::Kind;
use fastrand::Rng;

use super::blob::Blob;
use super::sample::{push_special, INT_32};

/// What a member may be.
#[derive(Clone, Copy)]
enum Member {
    Lock,
    ResilientLock,
    Head,
    Node,
    Root,
    TreeNode,
    Refcount,
    Kptr,
    Kptrs,
    Inner,
    Int,
}

const MEMBERS: &[Member] = &[
    Member::Lock,
    Member::Lock,
    Member::ResilientLock,
    Member::Head,
    Member::Head,
    Member::Node,
    Member::Node,
    Member::Root,
    Member::TreeNode,
    Member::Refcount,
    Member::Kptr,
    Member::Kptr,
    Member::Kptrs,
    Member::Inner,
    Member::Int,
    Member::Int,
];
const TAGS: &[&str] = &["kptr", "kptr_untrusted", "percpu_kptr", "uptr", "user"];
/// Structs of the program's that also the kernel has, with and without a destructor, and one that it has not.
const TARGETS: &[&str] = &["task_struct", "cgroup", "net_device", "of_program_only"];

/// The types that members are of.
struct Types {
    special: [u32; 6],
    resilient: u32,
    int: u32,
    kptrs: Vec<u32>,
}

/// A random blob.
pub(super) fn generate(rng: &mut Rng) -> Blob {
    let mut blob = Blob::new("special fields");
    let special = push_special(&mut blob);
    let resilient = blob.push(Kind::STRUCT, "bpf_res_spin_lock", (0, false), 4, &[]);
    let int = blob.push(Kind::INT, "int", (0, false), 4, &[INT_32]);
    let structs = rng.u32(1..6);
    // Pointers come first, and point to structs whose ids are known: of the kernel's, then of the program's.
    let mut targets = Vec::new();
    for name in TARGETS {
        targets.push(blob.push(Kind::STRUCT, name, (0, false), 8, &[]));
    }
    let pointers = rng.u32(0..4);
    let first_struct = blob.next_id() + 4 * pointers;
    targets.extend(first_struct..first_struct + structs);
    let kptrs = (0..pointers)
        .map(|_| push_kptr(&mut blob, rng, &targets))
        .collect();
    let types = Types {
        special,
        resilient,
        int,
        kptrs,
    };
    let mut tags = Vec::new();
    for place in 0..structs {
        push_struct(
            &mut blob,
            rng,
            &types,
            (place, first_struct, structs),
            &mut tags,
        );
    }
    for (tag, owner, component) in tags {
        blob.push(Kind::DECL_TAG, &tag, (0, false), owner, &[component]);
    }
    blob.finish()
}

/// Four types: a pointer, what is between it and a struct, and something else.
fn push_kptr(blob: &mut Blob, rng: &mut Rng, targets: &[u32]) -> u32 {
    let target = targets[rng.usize(0..targets.len())];
    let tag = TAGS[rng.usize(0..TAGS.len())];
    let next = blob.next_id();
    let flag = rng.u32(0..12) == 0;
    let pointer = blob.push(Kind::PTR, "", (0, false), next + 1, &[]);
    let second = match rng.u32(0..4) {
        0 => next + 2,
        _ => target,
    };
    blob.push(Kind::TYPE_TAG, tag, (0, flag), second, &[]);
    match rng.u32(0..3) {
        0 => blob.push(
            Kind::TYPE_TAG,
            TAGS[rng.usize(0..TAGS.len())],
            (0, false),
            target,
            &[],
        ),
        _ => blob.push(Kind::CONST, "", (0, false), target, &[]),
    };
    let volatile = blob.push(Kind::VOLATILE, "", (0, false), pointer, &[]);
    if rng.bool() {
        pointer
    } else {
        volatile
    }
}

fn push_struct(
    blob: &mut Blob,
    rng: &mut Rng,
    types: &Types,
    (place, first, structs): (u32, u32, u32),
    tags: &mut Vec<(String, u32, u32)>,
) {
    let [lock, head, node, root, tree_node, refcount] = types.special;
    let mut words = Vec::new();
    let mut offset = 0_u32;
    let wanted = rng.u32(1..6);
    let mut count = 0;
    let mut locked = false;
    for _ in 0..wanted {
        let member = MEMBERS[rng.usize(0..MEMBERS.len())];
        // Mostly what is sound: a lock before lists, and one of it.
        let is_lock = matches!(member, Member::Lock | Member::ResilientLock);
        if is_lock && locked && rng.u32(0..8) != 0 {
            continue;
        }
        locked |= is_lock;
        let own = first + place;
        let (name, ty, len) = match member {
            Member::Lock => ("lock", lock, 4),
            Member::ResilientLock => ("rlock", types.resilient, 4),
            Member::Head => ("head", head, 16),
            Member::Node => ("node", node, 24),
            Member::Root => ("root", root, 16),
            Member::TreeNode => ("tree_node", tree_node, 32),
            Member::Refcount => ("count", refcount, 4),
            Member::Kptr | Member::Kptrs if types.kptrs.is_empty() => ("data", types.int, 4),
            Member::Kptr | Member::Kptrs => {
                ("kptr", types.kptrs[rng.usize(0..types.kptrs.len())], 8)
            }
            Member::Inner if place > 0 => ("inner", first + rng.u32(0..place), 256),
            Member::Inner | Member::Int => ("data", types.int, 4),
        };
        if matches!(member, Member::Head | Member::Root) {
            let value = ["s0", "s1", "s2", "s3", "s4", "none"];
            let value = match rng.u32(0..12) {
                0 => value[rng.usize(0..value.len())],
                _ => value[rng.usize(0..structs as usize)],
            };
            let node = if ty == head { "node" } else { "tree_node" };
            let node = if rng.u32(0..12) == 0 { "data" } else { node };
            for _ in 0..[1, 1, 1, 1, 1, 0, 2][rng.usize(0..7)] {
                tags.push((format!("contains:{value}:{node}"), own, count));
            }
        }
        let align = if len == 4 { 4 } else { 8 };
        offset = offset.next_multiple_of(align);
        words.extend([blob.name(name), ty, offset * 8]);
        offset += len;
        count += 1;
    }
    let name = format!("s{place}");
    blob.push(Kind::STRUCT, &name, (count, false), 256.max(offset), &words);
}
