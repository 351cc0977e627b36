// SPDX-License-Identifier: MIT OR Apache-2.0

//! Distilled bases, of types that a kernel has, and split BTF on them.

use std::borrow::Cow;

use btf_core::{Btf, Kind, Type};
use fastrand::Rng;

use super::blob::{Blob, Word};
use super::{generate, mutate};

/// What a distilled base can have; of an ENUM64 it has an ENUM.
const KINDS: &[Kind] = &[
    Kind::INT,
    Kind::FLOAT,
    Kind::ENUM,
    Kind::ENUM64,
    Kind::STRUCT,
    Kind::UNION,
    Kind::FWD,
];
/// Of so many damages of a base, or of what stands on it, one is tried.
const BASE_STEP: usize = 11;
const SPLIT_STEP: usize = 37;
/// The most types of a base.
const MAX_TYPES: usize = 10;
/// How often something sound is looked for: half of what is generated is.
const TRIES: usize = 100;
/// How many pairs are damaged for each that is not.
const DAMAGED: usize = 2;

/// A distilled base, and what stands on it.
pub(super) type Pair = (Blob, Blob);

/// Types of a kernel that a distilled base can have.
struct Candidates<'k> {
    kernel: &'k Btf<'k>,
    all: Vec<Type<'k>>,
    /// Those that share their name with another one: the kernel tells them apart by their sizes.
    twins: Vec<Type<'k>>,
}

impl<'k> Candidates<'k> {
    fn new(kernel: &'k Btf<'k>) -> Self {
        let fits = |ty: &Type<'_>| KINDS.contains(&ty.kind()) && ty.name_offset() != 0;
        let all: Vec<_> = kernel.types().filter(fits).collect();
        let mut by_name = all.clone();
        by_name.sort_by_key(Type::name_offset);
        let same = by_name.chunk_by(|one, other| one.name_offset() == other.name_offset());
        let twins = same.filter(|group| group.len() > 1).flatten();
        let twins = twins.copied().collect();
        Self { kernel, all, twins }
    }

    fn name(&self, ty: Type<'_>) -> Cow<'k, str> {
        String::from_utf8_lossy(self.kernel.name(&ty))
    }

    fn choose(&self, rng: &mut Rng) -> Type<'k> {
        let from = match rng.u32(0..16) {
            0 if !self.twins.is_empty() => &self.twins,
            _ => &self.all,
        };
        from[rng.usize(0..from.len())]
    }
}

/// One pair with a type of each kind that is sound, as `is_taken` says, damaged everywhere; `count` random ones that the
/// kernel mostly takes, and some of each with a damage.
pub(super) fn pairs(
    kernel: &Btf<'_>,
    rng: &mut Rng,
    count: usize,
    is_taken: impl Fn(&Pair) -> bool,
) -> Vec<Pair> {
    let candidates = Candidates::new(kernel);
    let mut pairs = damaged_everywhere(&candidates, rng, is_taken);
    for number in 0..count {
        let wrong = number % 4 == 0;
        let base = base(&candidates, rng, wrong);
        let split = split(&base, rng);
        for _ in 0..DAMAGED {
            let mut damaged = (base.clone(), split.clone());
            let part = match rng.u32(0..3) {
                0 => &mut damaged.1,
                _ => &mut damaged.0,
            };
            mutate::somewhere(part, rng);
            pairs.push(damaged);
        }
        pairs.push((base, split));
    }
    pairs
}

/// A pair with the first type of each kind, and it with each word another one, or every so often.
fn damaged_everywhere(
    candidates: &Candidates<'_>,
    rng: &mut Rng,
    is_taken: impl Fn(&Pair) -> bool,
) -> Vec<Pair> {
    let mut base = Blob::new("distilled base of each kind");
    let twins = &candidates.twins;
    let is_twin = |ty: &Type<'_>| twins.iter().any(|twin| twin.id() == ty.id());
    for kind in KINDS {
        let mut all = candidates.all.iter();
        if let Some(ty) = all.find(|ty| ty.kind() == *kind && !is_twin(ty)) {
            distil(&mut base, *ty, &candidates.name(*ty), false, None);
        }
    }
    let base = base.finish();
    let mut sample = (base.clone(), split(&base, rng));
    for _ in 0..TRIES {
        if is_taken(&sample) {
            break;
        }
        sample.1 = split(&base, rng);
    }
    let (base, split) = sample;
    let (mut bases, mut splits) = (Vec::new(), Vec::new());
    mutate::each_word(&base, &mut bases);
    mutate::each_cut(&base, &mut bases);
    mutate::each_word(&split, &mut splits);
    mutate::each_cut(&split, &mut splits);
    let with_base = bases.into_iter().step_by(BASE_STEP);
    let with_split = splits.into_iter().step_by(SPLIT_STEP);
    let pairs = with_base.map(|base| (base, split.clone()));
    pairs
        .chain(with_split.map(|split| (base.clone(), split)))
        .collect()
}

/// A distilled base; one of its types is perhaps `wrong`.
fn base(candidates: &Candidates<'_>, rng: &mut Rng, wrong: bool) -> Blob {
    let mut blob = Blob::new("distilled base");
    let types = rng.usize(1..=MAX_TYPES);
    let wrong = wrong.then(|| rng.usize(0..types));
    for place in 0..types {
        let ty = candidates.choose(rng);
        // A kernel takes a FWD for the struct only if this has no bitfields, and the other way round for a union.
        let forward = (ty.kind() == Kind::UNION) == ty.info().kind_flag() && rng.u32(0..4) == 0;
        let change = (wrong == Some(place)).then(|| rng.u32(0..6));
        distil(&mut blob, ty, &candidates.name(ty), forward, change);
    }
    blob.finish()
}

/// Adds what a distilled base has of `ty`: no members, no values. `change` makes it something else.
fn distil(blob: &mut Blob, ty: Type<'_>, name: &str, forward: bool, change: Option<u32>) {
    let mut size = ty.size().unwrap_or(0);
    let mut kind = match ty.kind() {
        Kind::ENUM64 => Kind::ENUM,
        Kind::STRUCT | Kind::UNION if forward => Kind::FWD,
        kind => kind,
    };
    let mut name = name.to_owned();
    match change {
        Some(0) => name.clear(),
        Some(1) => name += "_of_none",
        Some(2) => size = if size == 4 { 8 } else { 4 },
        Some(3) => kind = Kind::STRUCT,
        Some(4) => (kind, size) = (Kind::TYPEDEF, 0),
        Some(_) => kind = Kind::FWD,
        None => {}
    }
    blob.what += &format!(", {kind} {name} {size}");
    let union = kind == Kind::FWD && ty.kind() == Kind::UNION;
    let flag = union || kind == Kind::FWD && ty.kind() == Kind::FWD && ty.info().kind_flag();
    match (kind, ty.int()) {
        (Kind::INT, Some(int)) => {
            let word = (u32::from(int.encoding.0) << 24) | (size * 8);
            blob.push(kind, &name, (0, false), size, &[word])
        }
        (Kind::FWD, _) => blob.push(kind, &name, (0, flag), 0, &[]),
        _ => blob.push(kind, &name, (0, false), size, &[]),
    };
}

/// A random BTF on `base`, with many references to it.
fn split(base: &Blob, rng: &mut Rng) -> Blob {
    let mut names = Vec::new();
    base.clone().each_reference(|word, value| {
        names.extend((word == Word::Name).then_some(*value));
    });
    let base_len = base.strings.len() as u32;
    let mut blob = generate::generate(rng).over(base.next_id(), base_len);
    blob.each_reference(|word, value| match word {
        Word::Id if *value != 0 && rng.bool() => *value = rng.u32(1..base.next_id()),
        // Of a type of the base, or of none.
        Word::Name if *value != 0 && rng.u32(0..30) == 0 => {
            *value = names[rng.usize(0..names.len())] + u32::from(rng.u32(0..5) == 0);
        }
        _ => {}
    });
    blob
}
