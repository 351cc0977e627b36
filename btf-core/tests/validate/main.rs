// SPDX-License-Identifier: MIT OR Apache-2.0

//! Every rule of `validate`: a BTF that breaks it and nothing else, and the same one mended.
//!
//! A case says what each of a program and a kernel is told, by each release. The rules and their order are those of
//! `kernel/bpf/btf.c`; its own tests (`tools/testing/selftests/bpf/prog_tests/btf.c` and `linked_list.c`) have been
//! gone through for situations.

mod blob;
mod case;
mod header;
mod meta;
