// SPDX-License-Identifier: GPL-2.0-only

//! Memory of the program's: a pointer and a length, which C sees as two parameters.

use core::marker::PhantomData;
use core::mem::MaybeUninit;

use kfunc_abi::{Annotation, AsC, CType, Passed};

use super::Explicit;

/// A pointer and a length. Both ABIs pass such a struct in two registers, as they pass two parameters: "classification
/// of aggregates" in the System V ABI of x86-64, stage C of AAPCS64.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Span {
    start: *mut u8,
    len: usize,
}

impl Span {
    /// Copies all of it to the start of `bytes`, unless that is too short.
    fn read(self, bytes: &mut [u8]) -> bool {
        let Some(bytes) = bytes.get_mut(..self.len) else {
            return false;
        };
        for (at, byte) in bytes.iter_mut().enumerate() {
            // SAFETY: The verifier has checked that the program may read and write `len` bytes there
            // (`check_kfunc_mem_size_reg` of `kernel/bpf/verifier.c`). Other CPUs may write meanwhile, hence volatile.
            *byte = unsafe { self.start.wrapping_add(at).read_volatile() };
        }
        true
    }

    /// Copies `bytes` to its start, unless it is too short.
    fn write(self, bytes: &[u8]) -> bool {
        if bytes.len() > self.len {
            return false;
        }
        for (at, byte) in bytes.iter().enumerate() {
            // SAFETY: As in `read`.
            unsafe { self.start.wrapping_add(at).write_volatile(*byte) };
        }
        true
    }
}

/// Reads a `T` of the program's, which need not be aligned, and which other CPUs may write meanwhile.
///
/// # Safety
///
/// The program may read `size_of::<T>()` bytes there, as the verifier checks for a pointer to a struct of numbers, and
/// whatever these are makes a `T`.
pub unsafe fn read<T>(from: *const T) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    let place = value.as_mut_ptr().cast::<u8>();
    for at in 0..size_of::<T>() {
        // SAFETY: By the caller's promise.
        let byte = unsafe { from.cast::<u8>().wrapping_add(at).read_volatile() };
        // SAFETY: A byte of `value`.
        unsafe { place.wrapping_add(at).write(byte) };
    }
    // SAFETY: Every byte was written, and any bytes make a `T`, by the caller's promise.
    unsafe { value.assume_init() }
}

/// Writes a `T` to memory of the program's, which need not be aligned.
///
/// # Safety
///
/// The program may write `size_of::<T>()` bytes there, and `T` has no padding, which would tell it what was there before.
pub unsafe fn write<T: Copy>(to: *mut T, value: T) {
    let bytes = (&raw const value).cast::<u8>();
    for at in 0..size_of::<T>() {
        // SAFETY: A byte of `value`, which has no padding.
        let byte = unsafe { bytes.wrapping_add(at).read() };
        // SAFETY: By the caller's promise.
        unsafe { to.cast::<u8>().wrapping_add(at).write_volatile(byte) };
    }
}

macro_rules! memories {
    ($($(#[doc = $doc:expr])* $name:ident: $length:ident;)*) => {$(
        $(#[doc = $doc])*
        #[repr(transparent)]
        #[derive(Clone, Copy, Debug)]
        pub struct $name<'call>(Span, PhantomData<&'call mut [u8]>);

        #[expect(clippy::len_without_is_empty, reason = "the verifier refuses no memory at all")]
        impl $name<'_> {
            /// How many bytes there are.
            pub fn len(self) -> usize {
                self.0.len
            }

            /// Copies all of it to the start of `bytes`. False, and nothing is copied, if `bytes` is too short.
            #[must_use]
            pub fn read(self, bytes: &mut [u8]) -> bool {
                self.0.read(bytes)
            }

            /// Copies `bytes` to the start of it. False, and nothing is copied, if it is too short.
            #[must_use]
            pub fn write(self, bytes: &[u8]) -> bool {
                self.0.write(bytes)
            }
        }

        impl AsC for $name<'_> {
            const C_TYPE: CType = CType::Pointer(&CType::Void);
        }

        // SAFETY: Two registers, which the verifier has checked against each other.
        unsafe impl Explicit for $name<'_> {
            const PASSED: Passed = Passed::AsMemory {
                pointer: None,
                length: Annotation::$length,
            };
        }
    )*};
}

memories! {
    /// Memory of the program's: `void *x, u64 x__sz` in C. The program may read and write it, and so may other programs
    /// at the same time, which is why it is copied rather than borrowed.
    ///
    /// ```no_run
    /// # use kernel_glue::param::Memory;
    /// kernel_glue::kfuncs! {
    ///     pub set SET for [SYSCALL] {
    ///         /// The sum of at most 64 bytes. Called as `bpf_sum(buffer, sizeof(buffer))`.
    ///         #[kfunc]
    ///         pub fn bpf_sum(data: Memory<'_>) -> u64 {
    ///             let mut bytes = [0; 64];
    ///             let read = data.read(&mut bytes);
    ///             bytes.iter().filter(|_| read).fold(0, |sum, byte| sum.wrapping_add(u64::from(*byte)))
    ///         }
    ///     }
    /// }
    /// # fn main() {}
    /// ```
    Memory: MemLen;
    /// The same, with a length that is a constant in the program (`x__szk`).
    ConstSizeMemory: ConstMemLen;
}

/// Memory that may be absent: NULL (`__nullable`) and any length. Declared as [`Memory`] is.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct OptionalMemory<'call>(Span, PhantomData<&'call mut [u8]>);

impl<'call> OptionalMemory<'call> {
    /// The memory, if there is any.
    pub fn present(self) -> Option<Memory<'call>> {
        (!self.0.start.is_null()).then_some(Memory(self.0, PhantomData))
    }
}

impl AsC for OptionalMemory<'_> {
    const C_TYPE: CType = CType::Pointer(&CType::Void);
}

// SAFETY: Two registers, which the verifier has checked against each other unless the first is NULL.
unsafe impl Explicit for OptionalMemory<'_> {
    const PASSED: Passed = Passed::AsMemory {
        pointer: Some(Annotation::Nullable),
        length: Annotation::MemLen,
    };
}
