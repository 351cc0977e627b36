// SPDX-License-Identifier: MIT OR Apache-2.0

//! `struct btf_id_set8`: the ids and flags of the kfuncs of a set.

use crate::KfuncFlags;

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

/// `struct btf_id_set8` of `include/linux/btf_ids.h` with room for `N` kfuncs.
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

    /// Adds a kfunc. False when the set is full.
    #[must_use]
    pub fn push(&mut self, id: u32, flags: KfuncFlags) -> bool {
        let place = usize::try_from(self.count).ok();
        let Some(pair) = place.and_then(|place| self.pairs.get_mut(place)) else {
            return false;
        };
        *pair = IdFlags {
            id,
            flags: flags.bits(),
        };
        self.count = self.count.saturating_add(1);
        true
    }

    /// The kfuncs of the set.
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
    }
}
