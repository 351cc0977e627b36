// SPDX-License-Identifier: GPL-2.0-only

//! A kfunc of every shape: each annotation, each flag, each kind of type. The boot tests call all of them
//! (`qemu-tests/bpf/shapes.bpf.c`).

use kernel_glue::Module;

#[cfg(kfunc_arena_args)]
pub mod arena;
pub mod context;
pub mod flags;
pub mod implicit;
pub mod memory;
pub mod objects;
pub mod providers;
#[cfg(kfunc_stack_args)]
pub mod stack_args;
pub mod values;

/// What this module offers.
pub static MODULE: Module = Module::new(
    "kfunc_shapes",
    &[
        &values::VALUES,
        &memory::MEMORY,
        &objects::OBJECTS,
        &context::CONTEXT,
        &context::CGROUP,
        &flags::FLAGS,
        &implicit::IMPLICIT,
        &providers::PROVIDERS,
        &providers::EVERY,
        &providers::DRIVER,
        #[cfg(kfunc_stack_args)]
        &stack_args::STACK_ARGS,
        #[cfg(kfunc_arena_args)]
        &arena::ARENA,
    ],
);
