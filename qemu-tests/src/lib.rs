// SPDX-License-Identifier: MIT OR Apache-2.0

//! Stock kernels, booted with the example module.
//!
//! ```text
//!   build_root   a Debian with the compilers that the kernels were built with, and QEMU
//!      │
//!   packages ──► kernel: image, headers, BTF ──► rust_tree: what the headers lack for modules in Rust
//!      │                                            │
//!      ├── guest: /init and the BPF programs     module: kbuild, then `kfunc embed`
//!      │                                            │
//!      └──────────────► initramfs ◄─────────────────┘
//!                          │
//!                        qemu ──► console ──► verdict ──► table
//! ```

#![forbid(unsafe_code)]

pub mod bench;
pub mod boot;
pub mod build_root;
pub mod call_bench;
pub mod call_oracle;
pub mod compat;
pub mod debug_kernel;
pub mod doctor;
pub mod dump_check;
pub mod duplicates;
pub mod facts;
pub mod fixup_bench;
pub mod fixup_check;
pub mod fuzz;
pub mod guest;
pub mod initramfs;
pub mod jited;
pub mod kernel;
pub mod kernel_btf;
pub mod kfunc_list_check;
pub mod lifecycle;
pub mod matrix;
pub mod merge_check;
pub mod module;
pub mod packages;
pub mod parity;
pub mod parity_table;
pub mod progress;
pub mod project;
pub mod project_check;
pub mod qemu;
pub mod real_btf;
pub mod resolve_btfids;
pub mod resolve_check;
pub mod round_trip;
pub mod rust_tree;
pub mod shapes;
pub mod source_check;
pub mod split_bench;
pub mod split_module;
pub mod split_oracle;
pub mod stamp;
pub mod stub_exec;
pub mod table;
pub mod verdict;
mod written_part;
