// SPDX-License-Identifier: GPL-2.0-only

//! Arenas, and maps that the program names.

use kernel_glue::param::{self, Arena, ArenaNullable, ConstMap};

kernel_glue::kfuncs! {
    /// For kernels whose JIT passes arena pointers, which know constant maps as well.
    pub set ARENA for [SYSCALL, SCHED_CLS] {
        /// The address of a map that the program names.
        #[kfunc]
        pub fn bpf_shape_const_map(map: ConstMap) -> u64 {
            map.as_ptr() as u64
        }

        /// What a cell of the program's arena holds.
        #[kfunc]
        pub fn bpf_shape_arena(cell: Arena<u64>) -> u64 {
            // SAFETY: The JIT has made it a pointer into the arena, where the kernel handles faults.
            unsafe { param::read(cell.as_ptr()) }
        }

        /// The same, and 1 if there is no cell.
        #[kfunc]
        pub fn bpf_shape_arena_nullable(cell: ArenaNullable<u64>) -> u64 {
            if cell.as_ptr().is_null() {
                return 1;
            }
            // SAFETY: As above.
            unsafe { param::read(cell.as_ptr()) }
        }
    }
}
