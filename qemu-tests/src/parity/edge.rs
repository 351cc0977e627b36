// SPDX-License-Identifier: MIT OR Apache-2.0

//! BTF that breaks what damaged samples do not reach.

use btf_core::Kind;

use super::blob::{Blob, HEADER_LEN, HEADER_WITH_LAYOUT_LEN};
use super::sample::{push_special, INT_32};

const PLAIN: (u32, bool) = (0, false);

/// The blobs.
pub(super) fn all() -> Vec<Blob> {
    let mut blobs = vec![too_large(), no_types(), strings_first(), unaligned_types()];
    blobs.extend([(0, 2), (0, 6), (1, 4)].map(|(shift, len)| odd_layout(shift, len)));
    blobs.extend([wrapping_datasec(), far_member(), long_chain()]);
    blobs.extend([1, 3, 11, 12].map(many_kptrs));
    blobs.extend([0, 1, 2].map(locks_in_array));
    blobs.extend(["task_struct", "net_device", "of_program_only"].map(kptr_to));
    blobs.extend([false, true].map(value_of_other_node));
    blobs.extend((1..12).map(owners));
    blobs.extend((28..36).map(nested));
    blobs
}

/// More than BPF_BTF_LOAD takes.
fn too_large() -> Blob {
    let mut blob = Blob::new("too large").finish();
    blob.padding = btf_core::limits::MAX_SIZE;
    blob
}

fn no_types() -> Blob {
    Blob::new("no types").finish()
}

fn strings_first() -> Blob {
    let mut blob = small("strings first");
    let (types, strings) = (blob.types.len() as u32 * 4, blob.strings.len() as u32);
    blob.header = vec![HEADER_LEN, strings, types, 0, strings];
    blob.swapped = true;
    blob
}

/// An int of 32 bits, and names of four bytes.
fn small(what: &str) -> Blob {
    let mut blob = Blob::new(what);
    blob.push(Kind::INT, "in", PLAIN, 4, &[INT_32]);
    blob.finish()
}

fn unaligned_types() -> Blob {
    let mut blob = small("types at an odd offset");
    blob.name("x");
    blob.strings.push(0);
    let (types, strings) = (blob.types.len() as u32 * 4, blob.strings.len() as u32);
    blob.header = vec![HEADER_WITH_LAYOUT_LEN, strings, types, 0, strings, 0, 0];
    blob.swapped = true;
    blob
}

/// A layout section of `len` bytes behind strings that are `shift` longer than they should be.
fn odd_layout(shift: u32, len: u32) -> Blob {
    let mut blob = small(&format!("layout of {len} bytes, shifted by {shift}"));
    blob.layout = vec![0; len as usize];
    blob.strings.extend(vec![0; shift as usize]);
    let (types, strings) = (blob.types.len() as u32 * 4, blob.strings.len() as u32);
    blob.layout_last = true;
    let header_len = HEADER_WITH_LAYOUT_LEN;
    blob.header = vec![header_len, 0, types, types, strings, types + strings, len];
    blob
}

/// Variables of a section whose ends wrap around.
fn wrapping_datasec() -> Blob {
    let mut blob = Blob::new("section with ends beyond 4 GiB");
    let int = blob.push(Kind::INT, "int", PLAIN, 4, &[INT_32]);
    let var = blob.push(Kind::VAR, "v", PLAIN, int, &[0]);
    let vars = [var, 0x8000_0000, 0x8000_0001, var, 1, 0x8000_0000];
    blob.push(Kind::DATASEC, ".data", (2, false), u32::MAX, &vars);
    blob.finish()
}

/// A member whose offset and its int's are more than 32 bits together.
fn far_member() -> Blob {
    let mut blob = Blob::new("member at the end of 32 bits");
    let int = blob.push(Kind::INT, "int", PLAIN, 8, &[16 << 16 | 8]);
    let member = [blob.name("m"), int, 0xffff_fff8];
    blob.push(Kind::STRUCT, "s", (1, false), 0x2000_0000, &member);
    blob.finish()
}

/// Modifiers that are resolved in two parts, but are one chain.
fn long_chain() -> Blob {
    let mut blob = Blob::new("a chain of 40 modifiers in two parts");
    let middle = 22;
    blob.push(Kind::PTR, "", PLAIN, middle, &[]);
    for id in 2..=40 {
        let next = if id == 40 { 41 } else { id + 1 };
        blob.push(Kind::CONST, "", PLAIN, next, &[]);
    }
    blob.push(Kind::INT, "int", PLAIN, 4, &[INT_32]);
    blob.finish()
}

/// A struct with `count` kptrs in an array beside others.
fn many_kptrs(count: u32) -> Blob {
    let mut blob = Blob::new(&format!("{count} kptrs"));
    let int = blob.push(Kind::INT, "int", PLAIN, 4, &[INT_32]);
    let target = blob.push(Kind::STRUCT, "of_program_only", PLAIN, 8, &[]);
    let tag = blob.push(Kind::TYPE_TAG, "kptr", PLAIN, target, &[]);
    let kptr = blob.push(Kind::PTR, "", PLAIN, tag, &[]);
    let array = blob.push(Kind::ARRAY, "", PLAIN, 0, &[kptr, int, count - 1]);
    let members = [blob.name("one"), kptr, 0, blob.name("others"), array, 64];
    blob.push(Kind::STRUCT, "s", (2, false), 8 * count, &members);
    blob.finish()
}

fn locks_in_array(count: u32) -> Blob {
    let mut blob = Blob::new(&format!("{count} locks in an array"));
    let [lock, ..] = push_special(&mut blob);
    let int = blob.push(Kind::INT, "int", PLAIN, 4, &[INT_32]);
    let array = blob.push(Kind::ARRAY, "", PLAIN, 0, &[lock, int, count]);
    let inner = [blob.name("locks"), array, 0];
    let inner = blob.push(Kind::STRUCT, "inner", (1, false), 4 * count, &inner);
    let members = [
        blob.name("inner"),
        inner,
        0,
        blob.name("lock"),
        lock,
        32 * count,
    ];
    blob.push(Kind::STRUCT, "s", (2, false), 4 * count + 4, &members);
    blob.finish()
}

fn kptr_to(target: &str) -> Blob {
    let mut blob = Blob::new(&format!("kptr to {target}"));
    let target = blob.push(Kind::STRUCT, target, PLAIN, 8, &[]);
    let tag = blob.push(Kind::TYPE_TAG, "kptr", PLAIN, target, &[]);
    let kptr = blob.push(Kind::PTR, "", PLAIN, tag, &[]);
    let member = [blob.name("ptr"), kptr, 0];
    blob.push(Kind::STRUCT, "s", (1, false), 8, &member);
    blob.finish()
}

/// What hangs on a list has a node of the right name, whose struct is the second of that name.
fn value_of_other_node(other: bool) -> Blob {
    let mut blob = Blob::new("value with another bpf_list_node");
    let [lock, head, node, ..] = push_special(&mut blob);
    let second = blob.push(Kind::STRUCT, "bpf_list_node", PLAIN, 24, &[]);
    let member = [blob.name("node"), if other { second } else { node }, 0];
    blob.push(Kind::STRUCT, "value", (1, false), 24, &member);
    let members = [blob.name("lock"), lock, 0, blob.name("head"), head, 64];
    let owner = blob.push(Kind::STRUCT, "owner", (2, false), 24, &members);
    blob.push(Kind::DECL_TAG, "contains:value:node", PLAIN, owner, &[1]);
    blob.finish()
}

/// `count` structs, each of which owns the next one by a kptr.
fn owners(count: u32) -> Blob {
    let mut blob = Blob::new(&format!("{count} structs that own one another"));
    for place in 0..count {
        let last = place + 1 == count;
        let id = blob.next_id();
        let next = if last { id + 2 } else { id + 5 };
        blob.push(Kind::TYPE_TAG, "kptr", PLAIN, next, &[]);
        let kptr = blob.push(Kind::PTR, "", PLAIN, id, &[]);
        let member = [blob.name("next"), kptr, 0];
        let (vlen, members) = if last { (0, &[][..]) } else { (1, &member[..]) };
        let name = format!("s{place}");
        blob.push(Kind::STRUCT, &name, (vlen, false), 8, members);
    }
    blob.finish()
}

/// A lock in `depth` structs.
fn nested(depth: u32) -> Blob {
    let mut blob = Blob::new(&format!("a lock in {depth} structs"));
    let [lock, ..] = push_special(&mut blob);
    let mut inner = lock;
    for place in 0..depth {
        // Beside the lock in the innermost struct, each has one: only the outermost counts as special.
        let member = [blob.name("m"), inner, 0];
        inner = blob.push(Kind::STRUCT, &format!("s{place}"), (1, false), 8, &member);
    }
    let refcount = lock + 5;
    let members = [
        blob.name("deep"),
        inner,
        0,
        blob.name("count"),
        refcount,
        64,
    ];
    blob.push(Kind::STRUCT, "outer", (2, false), 16, &members);
    blob.finish()
}
