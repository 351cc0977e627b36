// SPDX-License-Identifier: MIT OR Apache-2.0

//! A `struct btf_id_set8` in the bytes of a file, as `resolve_btfids` leaves it in `.BTF_ids`.

use core::fmt;
use core::iter::FusedIterator;

use btf_core::{ByteOrder, TypeId};

use super::BTF_SET8_KFUNCS;
use crate::KfuncFlags;

/// Bytes of the count and the flags.
const HEAD_LEN: usize = 8;
/// Bytes of an id with its flags.
const PAIR_LEN: usize = 8;

/// A set whose pairs all lie inside its bytes and are sorted by id.
#[derive(Clone, Copy, Debug)]
pub struct IdSetReader<'a> {
    flags: u32,
    pairs: &'a [u8],
    order: ByteOrder,
}

impl<'a> IdSetReader<'a> {
    /// Reads the set at the start of `data`; what follows it does not matter.
    ///
    /// # Errors
    ///
    /// The set does not end inside of `data`, its ids are not sorted (`sets_patch` of `tools/bpf/resolve_btfids` sorts
    /// them), or it has flags that are not known.
    pub fn read(data: &'a [u8], order: ByteOrder) -> Result<Self, IdSetError> {
        let truncated = |need| IdSetErrorKind::Truncated { need }.at(data.len());
        let (Some(count), Some(flags)) = (word(data, 0, order), word(data, 4, order)) else {
            return Err(truncated(HEAD_LEN));
        };
        if flags & !BTF_SET8_KFUNCS != 0 {
            return Err(IdSetErrorKind::UnknownFlags(flags).at(4));
        }
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let end = count.saturating_mul(PAIR_LEN).saturating_add(HEAD_LEN);
        let pairs = data.get(HEAD_LEN..end).ok_or(truncated(end))?;
        let set = Self {
            flags,
            pairs,
            order,
        };
        set.check_order()?;
        Ok(set)
    }

    fn check_order(&self) -> Result<(), IdSetError> {
        let mut before = TypeId::VOID;
        let mut offset = HEAD_LEN;
        for (id, _) in self.kfuncs() {
            if id < before {
                return Err(IdSetErrorKind::Unsorted { before, id }.at(offset));
            }
            before = id;
            offset = offset.saturating_add(PAIR_LEN);
        }
        Ok(())
    }

    /// Whether it says of itself that it holds kfuncs ([`BTF_SET8_KFUNCS`]). Functions that fmod_ret programs may
    /// attach to are in sets of the same shape.
    pub fn is_of_kfuncs(&self) -> bool {
        self.flags & BTF_SET8_KFUNCS != 0
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.pairs.len() / PAIR_LEN
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The ids of the FUNCs with their flags. Id 0 is a function that `resolve_btfids` did not find in the BTF.
    pub fn kfuncs(&self) -> Kfuncs<'a> {
        Kfuncs {
            rest: self.pairs,
            order: self.order,
        }
    }

    /// The flags of the kfunc `id`, if it is in the set. A binary search, as `btf_id_set8_contains` of
    /// `kernel/bpf/btf.c`.
    pub fn find(&self, id: TypeId) -> Option<KfuncFlags> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            let pair = Kfuncs {
                rest: self.pairs.get(middle.checked_mul(PAIR_LEN)?..)?,
                order: self.order,
            };
            let (found, flags) = pair.into_iter().next()?;
            if found == id {
                return Some(flags);
            }
            if found < id {
                low = middle.checked_add(1)?;
            } else {
                high = middle;
            }
        }
        None
    }
}

/// The pairs of a set, in order.
#[derive(Clone, Copy, Debug)]
pub struct Kfuncs<'a> {
    rest: &'a [u8],
    order: ByteOrder,
}

impl Iterator for Kfuncs<'_> {
    type Item = (TypeId, KfuncFlags);

    fn next(&mut self) -> Option<Self::Item> {
        let (pair, rest) = self.rest.split_at_checked(PAIR_LEN)?;
        self.rest = rest;
        let flags = word(pair, 4, self.order)?;
        let id = TypeId(word(pair, 0, self.order)?);
        Some((id, KfuncFlags::from_bits_retain(flags)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.rest.len() / PAIR_LEN;
        (len, Some(len))
    }
}

impl ExactSizeIterator for Kfuncs<'_> {}
impl FusedIterator for Kfuncs<'_> {}

fn word(data: &[u8], offset: usize, order: ByteOrder) -> Option<u32> {
    let bytes = *data.get(offset..)?.first_chunk()?;
    Some(match order {
        ByteOrder::Little => u32::from_le_bytes(bytes),
        ByteOrder::Big => u32::from_be_bytes(bytes),
    })
}

/// Why bytes are no set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdSetError {
    /// What is wrong.
    pub kind: IdSetErrorKind,
    /// Bytes from the start of the set to where it is wrong.
    pub offset: usize,
}

/// What is wrong with a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdSetErrorKind {
    /// The data ends inside of the set.
    Truncated {
        /// Bytes that the set has.
        need: usize,
    },
    /// The set has flags that are not known.
    UnknownFlags(u32),
    /// An id is lower than the one before it.
    Unsorted {
        /// The one before it.
        before: TypeId,
        /// The id.
        id: TypeId,
    },
}

impl IdSetErrorKind {
    fn at(self, offset: usize) -> IdSetError {
        IdSetError { kind: self, offset }
    }
}

impl fmt::Display for IdSetErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { need } => {
                write!(f, "the data ends inside of the set, which has {need} bytes")
            }
            Self::UnknownFlags(flags) => write!(f, "flags {flags:#x} of the set are not known"),
            Self::Unsorted { before, id } => {
                write!(f, "id {} comes after id {}", id.0, before.0)
            }
        }
    }
}

impl fmt::Display for IdSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at {})", self.kind, self.offset)
    }
}

impl core::error::Error for IdSetError {}
