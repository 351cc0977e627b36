// SPDX-License-Identifier: MIT OR Apache-2.0

//! What every peer is asked to do: open a BTF, then find functions by name and read their prototypes.

use std::ffi::{CStr, CString};
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{ensure, Result};
use btf_core::{Btf, Kind};
use cpu_time::ThreadTime;

use crate::heap;

/// How many functions are looked up.
const LOOK_UPS: usize = 1000;

/// A BTF, and what is asked of it.
#[derive(Debug)]
pub(crate) struct Task {
    /// The raw BTF.
    pub(crate) data: Vec<u8>,
    /// A file with the same bytes, for peers that read nothing else.
    pub(crate) path: PathBuf,
    /// The names of the functions, in no order.
    pub(crate) names: Vec<CString>,
}

impl Task {
    /// The task for the BTF `data`: names from all over it.
    pub(crate) fn new(data: Vec<u8>, path: PathBuf) -> Result<Self> {
        let btf = Btf::parse(&data)?;
        let mut all: Vec<_> = btf
            .types()
            .filter(|ty| ty.kind() == Kind::FUNC)
            .map(|ty| btf.name(&ty))
            .collect();
        all.sort_unstable();
        all.dedup();
        ensure!(
            all.len() >= LOOK_UPS,
            "the BTF has only {} functions",
            all.len()
        );
        let mut names = all
            .iter()
            .step_by(all.len() / LOOK_UPS)
            .take(LOOK_UPS)
            .map(|name| Ok(CString::new(*name)?))
            .collect::<Result<Vec<_>>>()?;
        shuffle(&mut names, 0);
        Ok(Self { data, path, names })
    }

    /// Reads all of the input, so that everybody finds it as after reading a file, whatever was done before.
    pub(crate) fn bring_into_cache(&self) {
        black_box(self.data.iter().fold(0, |sum, byte| sum ^ byte));
    }
}

/// Shuffles by a fixed rule: every run has the same order for the same `seed`.
pub(crate) fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed;
    for end in (1..items.len()).rev() {
        // Knuth's MMIX generator; the high bits are the random ones.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        items.swap(end, (state >> 33) as usize % (end + 1));
    }
}

/// What a peer found for each name.
pub(crate) type Answers = Vec<Option<Answer>>;

/// What a peer found for one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The id of the FUNC, where the peer tells it.
    pub(crate) id: Option<u32>,
    /// Its prototype, where the peer has such a thing.
    pub(crate) prototype: Option<Prototype>,
}

impl Answer {
    /// Whether nothing in it contradicts `right`.
    pub(crate) fn agrees(&self, right: &Self) -> bool {
        let prototype = self.prototype.is_none() || self.prototype == right.prototype;
        prototype && (self.id.is_none() || self.id == right.id)
    }
}

/// A prototype that was read to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prototype {
    params: u32,
    /// Of the parameters' types and the lengths of their names.
    digest: u64,
}

impl Prototype {
    /// Of each parameter the type id, and how long its name is.
    pub(crate) fn of(params: impl Iterator<Item = (u32, usize)>) -> Self {
        params.fold(Self::default(), |prototype, (ty, name_len)| Self {
            params: prototype.params + 1,
            digest: (prototype.digest.rotate_left(5) ^ u64::from(ty)).rotate_left(5)
                ^ name_len as u64,
        })
    }
}

/// What the task took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// CPU time until the BTF could be asked.
    pub(crate) open: Duration,
    /// CPU time of all look-ups.
    pub(crate) look_ups: Duration,
    /// Bytes of heap that the opened BTF keeps.
    pub(crate) live_heap: usize,
}

/// Opens a BTF and looks all names up; the answers go to `answers`, which has room for them.
pub(crate) fn perform<B>(
    task: &Task,
    answers: &mut Answers,
    open: impl FnOnce() -> Result<B>,
    look_up: impl Fn(&B, &CStr) -> Option<Answer>,
) -> Result<Taken> {
    answers.clear();
    let clock = ThreadTime::now();
    let btf = open()?;
    let open = clock.elapsed();
    answers.extend(task.names.iter().map(|name| look_up(&btf, name)));
    let look_ups = clock.elapsed().saturating_sub(open);
    Ok(Taken {
        open,
        look_ups,
        live_heap: heap::live(),
    })
}
