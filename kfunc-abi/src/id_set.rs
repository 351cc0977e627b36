// SPDX-License-Identifier: MIT OR Apache-2.0

//! `struct btf_id_set8`: the ids and flags of the kfuncs of a set, built here or found in a file.

mod reader;

use core::mem;

use crate::KfuncFlags;

pub use reader::{IdSetError, IdSetErrorKind, IdSetReader, Kfuncs};

/// `BTF_SET8_KFUNCS` of `include/linux/btf_ids.h`: the set holds kfuncs. Demanded by the kernel.
pub const BTF_SET8_KFUNCS: u32 = 1;

/// One kfunc of a set.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdFlags {
    /// The BTF id of the FUNC, as the module's own `.BTF` counts it.
    pub id: u32,
    /// Its [`KfuncFlags`].
    pub flags: u32,
}

/// `struct btf_id_set8` of `include/linux/btf_ids.h` with room for `N` kfuncs, sorted by id.
///
/// `register_btf_kfunc_id_set` copies it, and sorts the copy.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct IdSet8<const N: usize> {
    count: u32,
    flags: u32,
    pairs: [IdFlags; N],
}

impl<const N: usize> IdSet8<N> {
    /// A set without any kfunc.
    pub const fn new() -> Self {
        Self {
            count: 0,
            flags: BTF_SET8_KFUNCS,
            pairs: [IdFlags { id: 0, flags: 0 }; N],
        }
    }

    /// Adds a kfunc, behind those of lower ids. False when the set is full.
    #[must_use]
    pub fn push(&mut self, id: u32, flags: KfuncFlags) -> bool {
        let place = usize::try_from(self.count).unwrap_or(usize::MAX);
        let pairs = self.pairs.get_mut(..=place);
        let Some((free, used)) = pairs.and_then(<[IdFlags]>::split_last_mut) else {
            return false;
        };
        let mut moved = IdFlags {
            id,
            flags: flags.bits(),
        };
        for pair in used {
            if pair.id > moved.id {
                mem::swap(pair, &mut moved);
            }
        }
        *free = moved;
        self.count = self.count.saturating_add(1);
        true
    }

    /// The kfuncs of the set, in the order of their ids.
    pub fn kfuncs(&self) -> &[IdFlags] {
        let count = usize::try_from(self.count).unwrap_or(usize::MAX);
        self.pairs.get(..count).unwrap_or_default()
    }
}

impl<const N: usize> Default for IdSet8<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_eq_size!(IdSet8<3>, [u32; 8]);

    #[test]
    fn full_set_refuses() {
        let mut set = IdSet8::<1>::new();
        assert!(set.push(7, KfuncFlags::RCU));
        assert!(!set.push(8, KfuncFlags::RCU));
        assert_eq!(set.kfuncs(), [IdFlags { id: 7, flags: 0x80 }]);
        assert!(!IdSet8::<0>::new().push(1, KfuncFlags::RCU));
    }

    #[test]
    fn kfuncs_are_sorted_however_they_come() {
        let orders = [
            [1, 2, 3, 9],
            [9, 3, 2, 1],
            [3, 9, 1, 2],
            [2, 2, 1, 9],
            [0, 0, 0, 0],
        ];
        for ids in orders {
            let mut set = IdSet8::<4>::new();
            for id in ids {
                assert!(set.push(id, KfuncFlags::from_bits_retain(id << 8)));
            }
            let mut sorted = ids;
            sorted.sort_unstable();
            let expected = sorted.map(|id| IdFlags { id, flags: id << 8 });
            assert_eq!(set.kfuncs(), expected, "{ids:?}");
        }
    }
}
