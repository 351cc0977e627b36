// SPDX-License-Identifier: MIT OR Apache-2.0

//! The BTF that the fuzzer starts with, made by hand.

use btf_core::Kind;

use crate::blob::{Blob, Record, Word, VOID};

/// What a kernel must have for kptrs: structs, and the functions that release them.
pub fn kernel() -> Blob {
    let mut blob = Blob::default();
    for name in [&b"task_struct"[..], b"cgroup", b"a"] {
        let name = blob.name(name);
        blob.push(Record::new(Kind::STRUCT, name, Word::Plain(8)));
    }
    let proto = blob.push(Record::new(Kind::FUNC_PROTO, 0, VOID));
    for name in [&b"bpf_task_release_dtor"[..], b"bpf_cgroup_release_dtor"] {
        let name = blob.name(name);
        blob.push(Record::new(Kind::FUNC, name, proto));
    }
    blob
}
