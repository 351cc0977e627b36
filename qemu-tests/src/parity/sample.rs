// SPDX-License-Identifier: MIT OR Apache-2.0

//! Sound BTF with everything in it, to be damaged.

use btf_core::Kind;

use super::blob::Blob;

/// No elements, no `kind_flag`.
const PLAIN: (u32, bool) = (0, false);
/// The word of a signed int of 32 bits.
pub(super) const INT_32: u32 = 1 << 24 | 32;
/// A tag's component for the type itself.
pub(super) const WHOLE: u32 = u32::MAX;

/// The samples: each is sound for one of the kernels at least.
pub(super) fn all() -> Vec<Blob> {
    vec![
        every_kind("every kind").finish(),
        with_layout(),
        special_fields("locks, lists, trees and kptrs").finish(),
        attributes(),
    ]
}

/// Every kind, with references of every sort.
fn every_kind(what: &str) -> Blob {
    let mut blob = Blob::new(what);
    let int = blob.push(Kind::INT, "int", PLAIN, 4, &[INT_32]);
    let long = blob.push(Kind::INT, "long", PLAIN, 8, &[64]);
    let old_bitfield = blob.push(Kind::INT, "old", PLAIN, 4, &[3 << 16 | 5]);
    let index = int;
    let array = blob.push(Kind::ARRAY, "", PLAIN, 0, &[long, index, 3]);
    let forward = blob.push(Kind::FWD, "later", PLAIN, 0, &[]);
    let to_forward = blob.push(Kind::PTR, "", PLAIN, forward, &[]);
    let values = [blob.name("ONE"), 1, blob.name("TWO"), 2];
    let small = blob.push(Kind::ENUM, "small", (2, true), 4, &values);
    let values = [blob.name("BIG"), 0, 1];
    let big = blob.push(Kind::ENUM64, "big", (1, false), 8, &values);
    let float = blob.push(Kind::FLOAT, "double", PLAIN, 8, &[]);
    let typedef = blob.push(Kind::TYPEDEF, "int_t", PLAIN, int, &[]);
    let constant = blob.push(Kind::CONST, "", PLAIN, typedef, &[]);
    let volatile = blob.push(Kind::VOLATILE, "", PLAIN, constant, &[]);
    let tagged = blob.push(Kind::TYPE_TAG, "user", PLAIN, volatile, &[]);
    let pointer = blob.push(Kind::PTR, "", PLAIN, tagged, &[]);
    let restrict = blob.push(Kind::RESTRICT, "", PLAIN, pointer, &[]);
    let void_pointer = blob.push(Kind::PTR, "", PLAIN, 0, &[]);
    // Points to itself through its own id, which comes next.
    let itself = blob.next_id() + 1;
    let to_itself = blob.push(Kind::PTR, "", PLAIN, itself, &[]);
    let mut members = Vec::new();
    for (name, ty, byte) in [
        ("number", volatile, 0),
        ("wide", array, 8),
        ("next", to_itself, 32),
        ("later", to_forward, 40),
        ("small", small, 48),
        ("ratio", float, 56),
        ("big", big, 64),
        ("old", old_bitfield, 72),
        ("", restrict, 80),
    ] {
        members.extend([blob.name(name), ty, byte * 8]);
    }
    let count = members.len() as u32 / 3;
    let list = blob.push(Kind::STRUCT, "list", (count, false), 96, &members);
    assert_eq!(list, itself);
    let members = [
        [blob.name("low"), int, 3 << 24],
        [blob.name("high"), small, 5 << 24 | 3],
        [blob.name("whole"), typedef, 32],
        [blob.name("ptr"), void_pointer, 64],
    ]
    .concat();
    blob.push(Kind::STRUCT, "bits", (4, true), 16, &members);
    let members = [blob.name("a"), list, 0, blob.name("b"), int, 0];
    let union = blob.push(Kind::UNION, "either", (2, false), 96, &members);
    let params = [blob.name("a"), pointer, blob.name("b"), volatile, 0, 0];
    let proto = blob.push(Kind::FUNC_PROTO, "", (3, false), int, &params);
    let no_params = blob.push(Kind::FUNC_PROTO, "", PLAIN, 0, &[]);
    let callback = blob.push(Kind::PTR, "", PLAIN, no_params, &[]);
    let func = blob.push(Kind::FUNC, "call", (1, false), proto, &[]);
    let var = blob.push(Kind::VAR, "counter", PLAIN, constant, &[1]);
    let hook = blob.push(Kind::VAR, "hook", PLAIN, callback, &[0]);
    let vars = [var, 0, 4, hook, 8, 8];
    blob.push(Kind::DATASEC, ".data", (2, false), 16, &vars);
    blob.push(Kind::DECL_TAG, "on func", PLAIN, func, &[1]);
    blob.push(Kind::DECL_TAG, "on struct", PLAIN, list, &[2]);
    blob.push(Kind::DECL_TAG, "on union", PLAIN, union, &[WHOLE]);
    blob.push(Kind::DECL_TAG, "on typedef", PLAIN, typedef, &[WHOLE]);
    blob.push(Kind::DECL_TAG, "on var", PLAIN, var, &[WHOLE]);
    blob
}

/// The same with a layout section, which is new in Linux 7.3.
fn with_layout() -> Blob {
    let mut blob = Blob::new("with layout");
    let int = blob.push(Kind::INT, "int", PLAIN, 4, &[INT_32]);
    blob.push(Kind::PTR, "", PLAIN, int, &[]);
    // Bytes after a record and of each element, for kinds 0, 1 and 2.
    blob.layout = vec![0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0];
    blob.finish()
}

/// The structs that the kernel knows by their names.
pub(super) fn push_special(blob: &mut Blob) -> [u32; 6] {
    [
        ("bpf_spin_lock", 4),
        ("bpf_list_head", 16),
        ("bpf_list_node", 24),
        ("bpf_rb_root", 16),
        ("bpf_rb_node", 32),
        ("bpf_refcount", 4),
    ]
    .map(|(name, size)| blob.push(Kind::STRUCT, name, PLAIN, size, &[]))
}

/// Structs that own others by lists, trees and kptrs.
fn special_fields(what: &str) -> Blob {
    let mut blob = Blob::new(what);
    let [lock, head, node, root, tree_node, refcount] = push_special(&mut blob);
    let int = blob.push(Kind::INT, "int", PLAIN, 4, &[INT_32]);
    let members = [
        [blob.name("node"), node, 0],
        [blob.name("tree_node"), tree_node, 24 * 8],
        [blob.name("count"), refcount, 56 * 8],
        [blob.name("data"), int, 60 * 8],
    ]
    .concat();
    let value = blob.push(Kind::STRUCT, "value", (4, false), 64, &members);
    let tag = blob.push(Kind::TYPE_TAG, "kptr", PLAIN, value, &[]);
    let kptr = blob.push(Kind::PTR, "", PLAIN, tag, &[]);
    let task = blob.push(Kind::STRUCT, "task_struct", PLAIN, 0, &[]);
    let untrusted = blob.push(Kind::TYPE_TAG, "kptr_untrusted", PLAIN, task, &[]);
    let task_ptr = blob.push(Kind::PTR, "", PLAIN, untrusted, &[]);
    let several = blob.push(Kind::ARRAY, "", PLAIN, 0, &[kptr, int, 3]);
    let members = [
        [blob.name("lock"), lock, 0],
        [blob.name("head"), head, 64],
        [blob.name("root"), root, 24 * 8],
        [blob.name("kptr"), kptr, 40 * 8],
        [blob.name("task"), task_ptr, 48 * 8],
        [blob.name("several"), several, 56 * 8],
    ]
    .concat();
    let owner = blob.push(Kind::STRUCT, "owner", (6, false), 80, &members);
    blob.push(Kind::DECL_TAG, "contains:value:node", PLAIN, owner, &[1]);
    blob.push(
        Kind::DECL_TAG,
        "contains:value:tree_node",
        PLAIN,
        owner,
        &[2],
    );
    let members = [blob.name("inner"), owner, 0, blob.name("more"), int, 80 * 8];
    blob.push(Kind::STRUCT, "outer", (2, false), 88, &members);
    blob
}

/// Tags with `kind_flag`, which is new in Linux 7.3.
fn attributes() -> Blob {
    let mut blob = Blob::new("attributes");
    let int = blob.push(Kind::INT, "int", PLAIN, 4, &[INT_32]);
    let attribute = blob.push(Kind::TYPE_TAG, "address_space(1)", (0, true), int, &[]);
    blob.push(Kind::PTR, "", PLAIN, attribute, &[]);
    let typedef = blob.push(Kind::TYPEDEF, "int_t", PLAIN, int, &[]);
    blob.push(Kind::DECL_TAG, "aligned(8)", (0, true), typedef, &[WHOLE]);
    let constant = blob.push(Kind::CONST, "", PLAIN, int, &[]);
    blob.push(Kind::TYPE_TAG, "after const", PLAIN, constant, &[]);
    let tag = blob.next_id() - 1;
    blob.push(Kind::VOLATILE, "", PLAIN, tag, &[]);
    blob.finish()
}
