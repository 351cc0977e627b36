// SPDX-License-Identifier: GPL-2.0-only

//! Memory of the program's, and memory for the program.

use core::mem::offset_of;
use core::sync::atomic::AtomicU8;

use kernel_glue::param::{
    self, ConstSizeMemory, ConstStr, Dynptr, Memory, Nullable, OptionalMemory, RdonlyBufSize,
    RdwrBufSize, Uninit,
};
use kernel_glue::Handed;

/// The most bytes that a program passes here.
const MOST: usize = 64;

/// What a program may read.
static TEXT: [u8; 4] = *b"abcd";
/// What programs may write.
static BUFFER: [AtomicU8; 16] = [const { AtomicU8::new(0) }; 16];

kernel_glue::module_types! {
    /// A struct of numbers: programs have it on their stack.
    pub struct Point as "shape_point" {
        /// To the right.
        pub x: u64,
        /// Upwards.
        pub y: u32,
    }

    /// A union of numbers.
    pub union Either as "shape_either" {
        /// All bits.
        pub both: u64,
        /// The low and the high ones.
        pub halves: [u32; 2],
    }
}

/// The product of both coordinates.
///
/// # Safety
///
/// `point` can be read.
unsafe fn area(point: *const Point) -> u64 {
    // SAFETY: The caller's promise; any bytes make a point.
    let Point { x, y } = unsafe { param::read(point) };
    x.wrapping_mul(u64::from(y))
}

/// The sum of all bytes; `u64::MAX` if there are too many.
fn sum(memory: Memory<'_>) -> u64 {
    let mut bytes = [0; MOST];
    if !memory.read(&mut bytes) {
        return u64::MAX;
    }
    bytes
        .iter()
        .fold(0, |sum, byte| sum.wrapping_add(u64::from(*byte)))
}

kernel_glue::kfuncs! {
    /// Memory.
    pub set MEMORY for [SYSCALL, SCHED_CLS] {
        /// The sum of bytes.
        #[kfunc]
        pub fn bpf_shape_sum(bytes: Memory<'_>) -> u64 {
            sum(bytes)
        }

        /// All bytes, one xor the other.
        #[kfunc]
        pub fn bpf_shape_xor(bytes: ConstSizeMemory<'_>) -> u64 {
            let mut copied = [0; MOST];
            if !bytes.read(&mut copied) {
                return u64::MAX;
            }
            copied.iter().fold(0, |all, byte| all ^ u64::from(*byte))
        }

        /// The sum of bytes if there are any, else something else.
        #[kfunc]
        pub fn bpf_shape_sum_or(bytes: OptionalMemory<'_>, otherwise: u64) -> u64 {
            match bytes.present() {
                Some(bytes) => sum(bytes),
                None => otherwise,
            }
        }

        /// The area that a point spans.
        #[kfunc]
        pub fn bpf_shape_point(point: *const Point) -> u64 {
            // SAFETY: The verifier has checked that the program may read so many bytes there.
            unsafe { area(point) }
        }

        /// The same, or something else if there is no point.
        #[kfunc]
        pub fn bpf_shape_point_or(point: Nullable<Point>, otherwise: u64) -> u64 {
            if point.as_ptr().is_null() {
                return otherwise;
            }
            // SAFETY: Not NULL, and so as above.
            unsafe { area(point.as_ptr()) }
        }

        /// Makes a point.
        #[kfunc]
        pub fn bpf_shape_fill(point: Uninit<Point>, value: u64) {
            let place = |offset| point.as_ptr().wrapping_byte_add(offset);
            let y = place(offset_of!(Point, y)).cast::<u32>();
            // SAFETY: The verifier has checked that the program may write a point there, of which this is the start.
            unsafe { param::write(place(offset_of!(Point, x)).cast::<u64>(), value) };
            // SAFETY: As above.
            unsafe { param::write(y, value.wrapping_add(1) as u32) };
        }

        /// The sum of both halves.
        #[kfunc]
        pub fn bpf_shape_either(either: *const Either) -> u64 {
            // SAFETY: As above; every pattern is a pair of numbers.
            let [low, high] = unsafe { param::read(either.cast::<[u32; 2]>()) };
            u64::from(low).wrapping_add(u64::from(high))
        }

        /// Bytes of a string of the program's.
        #[kfunc]
        pub fn bpf_shape_length(text: ConstStr) -> u64 {
            text.with(|text| text.count_bytes() as u64)
        }

        /// Bytes of a dynptr.
        #[kfunc]
        pub fn bpf_shape_dynptr(data: Dynptr) -> u64 {
            /// `DYNPTR_SIZE_MASK` of `kernel/bpf/helpers.c`.
            const SIZE_MASK: u32 = 0xff_ffff;
            // SAFETY: An initialised `struct bpf_dynptr_kern` (`include/linux/bpf.h`): after a pointer comes `u32 size`.
            let size = unsafe { data.as_ptr().cast::<u32>().wrapping_add(2).read() };
            u64::from(size & SIZE_MASK)
        }

        /// Memory that the program may read.
        #[kfunc(flags = [RET_NULL])]
        pub fn bpf_shape_rdonly(size: RdonlyBufSize) -> Handed<u8> {
            if size.bytes() > TEXT.len() as u64 {
                return Handed::null();
            }
            // SAFETY: There are so many bytes, which the program can only read.
            unsafe { Handed::new(TEXT.as_ptr().cast_mut()) }
        }

        /// Memory that the program may read and write.
        #[kfunc(flags = [RET_NULL])]
        pub fn bpf_shape_rdwr(size: RdwrBufSize) -> Handed<u8> {
            if size.bytes() > BUFFER.len() as u64 {
                return Handed::null();
            }
            // SAFETY: There are so many bytes, all of them atomics.
            unsafe { Handed::new(BUFFER.as_ptr().cast::<u8>().cast_mut()) }
        }
    }
}
