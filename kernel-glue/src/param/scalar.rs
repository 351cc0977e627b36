// SPDX-License-Identifier: GPL-2.0-only

//! Numbers of which the verifier knows the value.

use kfunc_abi::{Annotation, AsC, CType, Passed};

use super::Explicit;

/// A number that is a constant in the program (`__k`).
///
/// ```no_run
/// # use kernel_glue::param::Constant;
/// kernel_glue::kfuncs! {
///     pub set SET for [SYSCALL] {
///         /// The verifier refuses a `mode` that it cannot see.
///         #[kfunc]
///         pub fn bpf_in_mode(mode: Constant<u32>) -> u32 {
///             mode.value()
///         }
///     }
/// }
/// # fn main() {}
/// ```
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct Constant<T>(T);

impl<T: Copy> Constant<T> {
    /// The number.
    pub fn value(self) -> T {
        self.0
    }
}

impl<T: AsC> AsC for Constant<T> {
    const C_TYPE: CType = T::C_TYPE;
}

macro_rules! constants {
    ($($ty:ty),*) => {$(
        // SAFETY: As the number itself.
        unsafe impl Explicit for Constant<$ty> {
            const PASSED: Passed = Passed::ByProgram(Some(Annotation::Constant));
        }
    )*};
}

constants!(u32, i32, u64, i64);

macro_rules! buffer_sizes {
    ($($(#[doc = $doc:expr])* $name:ident: $annotation:ident;)*) => {$(
        $(#[doc = $doc])*
        #[repr(transparent)]
        #[derive(Clone, Copy, Debug)]
        pub struct $name(u64);

        impl $name {
            /// Bytes that the program may access behind the pointer that is returned.
            pub fn bytes(self) -> u64 {
                self.0
            }
        }

        impl AsC for $name {
            const C_TYPE: CType = u64::C_TYPE;
        }

        // SAFETY: As the number itself.
        unsafe impl Explicit for $name {
            const PASSED: Passed = Passed::ByProgram(Some(Annotation::$annotation));
        }
    )*};
}

buffer_sizes! {
    /// How many bytes the program may read of the memory that the kfunc returns (`rdonly_buf_size`). A constant.
    ///
    /// ```no_run
    /// # use kernel_glue::{param::RdonlyBufSize, Handed};
    /// static TABLE: [u8; 64] = [0; 64];
    ///
    /// kernel_glue::kfuncs! {
    ///     pub set SET for [SYSCALL] {
    ///         /// The table, if it has `size` bytes.
    ///         #[kfunc(flags = [RET_NULL])]
    ///         pub fn bpf_table(size: RdonlyBufSize) -> Handed<u8> {
    ///             if size.bytes() > TABLE.len() as u64 {
    ///                 return Handed::null();
    ///             }
    ///             // SAFETY: There are so many bytes, which the program can only read.
    ///             unsafe { Handed::new(TABLE.as_ptr().cast_mut()) }
    ///         }
    ///     }
    /// }
    /// # fn main() {}
    /// ```
    RdonlyBufSize: RdonlyBufSize;
    /// How many bytes the program may read and write of the memory that the kfunc returns (`rdwr_buf_size`). A
    /// constant. Declared as [`RdonlyBufSize`] is.
    RdwrBufSize: RdwrBufSize;
}
