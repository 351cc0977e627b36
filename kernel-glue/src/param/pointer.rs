// SPDX-License-Identifier: GPL-2.0-only

//! Pointers of which the verifier is told more than their type.

use core::ffi::c_void;
use core::mem::MaybeUninit;

use kfunc_abi::{Annotation, AsC, CType, Passed};

use super::Explicit;

macro_rules! pointers {
    ($($(#[doc = $doc:expr])* $name:ident: $annotation:ident;)*) => {$(
        $(#[doc = $doc])*
        #[repr(transparent)]
        #[derive(Debug)]
        pub struct $name<T>(*mut T);

        // Whether T can be copied or not: a derived impl would ask for that.
        impl<T> Clone for $name<T> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<T> Copy for $name<T> {}

        impl<T> $name<T> {
            /// The pointer.
            pub fn as_ptr(self) -> *mut T {
                self.0
            }
        }

        impl<T: AsC> AsC for $name<T> {
            const C_TYPE: CType = <*mut T as AsC>::C_TYPE;
        }

        // SAFETY: A raw pointer fills the register, and using it takes unsafe code.
        unsafe impl<T: AsC> Explicit for $name<T> {
            const PASSED: Passed = Passed::ByProgram(Some(Annotation::$annotation));
        }
    )*};
}

pointers! {
    /// A pointer that may be NULL (`__nullable`).
    ///
    /// ```no_run
    /// # use kernel_glue::param::Nullable;
    /// kernel_glue::kernel_types! { pub struct Task as "task_struct"; }
    ///
    /// kernel_glue::kfuncs! {
    ///     pub set SET for [SYSCALL] {
    ///         /// Whether there is a task.
    ///         #[kfunc]
    ///         pub fn bpf_has_task(task: Nullable<Task>) -> u32 {
    ///             u32::from(!task.as_ptr().is_null())
    ///         }
    ///     }
    /// }
    /// # fn main() {}
    /// ```
    Nullable: Nullable;
    /// A pointer to what the kfunc fills, and that need not be initialised (`__uninit`).
    Uninit: Uninit;
    /// A refcounted object that the program has allocated with `bpf_obj_new` (`__refcounted_kptr`). `T` is `c_void`:
    /// the program's types are not known.
    RefcountedKptr: RefcountedKptr;
    /// An iterator on the program's stack (`__iter`).
    ///
    /// A kfunc with one of the `KF_ITER` flags takes its iterator as `*mut T`: the verifier knows it by the flag.
    Iter: Iter;
    /// A pointer into the program's arena, rebased to kernel memory (`__arena`, known to 7.3).
    ///
    /// Every page of the arena's window can be accessed, but the program writes it at any time, from any CPU.
    Arena: Arena;
    /// The same, where NULL stays NULL (`__arena__nullable`, known to 7.3).
    ArenaNullable: ArenaNullable;
}

macro_rules! untyped {
    ($($(#[doc = $doc:expr])* $name:ident = $c_type:expr, $annotation:ident;)*) => {$(
        $(#[doc = $doc])*
        #[repr(transparent)]
        #[derive(Clone, Copy, Debug)]
        pub struct $name(*mut c_void);

        impl $name {
            /// The pointer.
            pub fn as_ptr(self) -> *mut c_void {
                self.0
            }
        }

        impl AsC for $name {
            const C_TYPE: CType = $c_type;
        }

        // SAFETY: A raw pointer fills the register, and using it takes unsafe code.
        unsafe impl Explicit for $name {
            const PASSED: Passed = Passed::ByProgram(Some(Annotation::$annotation));
        }
    )*};
}

untyped! {
    /// A map, as `struct bpf_map *` (`__map`). At most one of a kfunc.
    Map = CType::Pointer(&CType::Void), Map;
    /// A map that the program names as such (`__const_map`, known to 7.3).
    ConstMap = CType::Pointer(&CType::Void), ConstMap;
}

/// A parameter that the verifier does not look at (`__ign`). Its value cannot be had: the program may pass anything,
/// even what it has not initialised.
#[repr(transparent)]
#[derive(Debug)]
pub struct Ignored<T>(MaybeUninit<T>);

impl<T: AsC> AsC for Ignored<T> {
    const C_TYPE: CType = T::C_TYPE;
}

// SAFETY: Every pattern is valid, and none can be read.
unsafe impl<T: Explicit> Explicit for Ignored<T> {
    const PASSED: Passed = {
        assert!(
            T::PASSED.c_params() == 1,
            "a memory and its length are two parameters, of which only one would be ignored"
        );
        Passed::ByProgram(Some(Annotation::Ignored))
    };
}
