// SPDX-License-Identifier: MIT OR Apache-2.0

//! Random BTF that is almost sound: every kind, references that mostly may be.

use btf_core::Kind;
use fastrand::Rng;

use super::blob::Blob;
use super::sample::WHOLE;

/// Kinds as often as they shall come.
const KINDS: &[Kind] = &[
    Kind::INT,
    Kind::INT,
    Kind::PTR,
    Kind::PTR,
    Kind::PTR,
    Kind::ARRAY,
    Kind::ARRAY,
    Kind::STRUCT,
    Kind::STRUCT,
    Kind::STRUCT,
    Kind::UNION,
    Kind::ENUM,
    Kind::FWD,
    Kind::TYPEDEF,
    Kind::TYPEDEF,
    Kind::VOLATILE,
    Kind::CONST,
    Kind::CONST,
    Kind::RESTRICT,
    Kind::FUNC,
    Kind::FUNC_PROTO,
    Kind::FUNC_PROTO,
    Kind::VAR,
    Kind::DATASEC,
    Kind::FLOAT,
    Kind::DECL_TAG,
    Kind::TYPE_TAG,
    Kind::ENUM64,
];
const NAMES: &[&str] = &["a", "b", "c", "_d", "e.f", "long_name_of_something", "g1"];
/// How often, in a hundred, something is what it should not be.
const WRONG_PERCENT: u32 = 2;
/// Every struct has this many bytes, so that members fit.
const STRUCT_SIZE: u32 = 1 << 12;
/// How far types nest: some go beyond what the kernel follows.
const CHAIN_LENS: std::ops::Range<usize> = 28..36;

/// The kinds that were chosen, by id.
struct Plan<'r> {
    kinds: Vec<Kind>,
    rng: &'r mut Rng,
}

impl Plan<'_> {
    fn wrong(&mut self) -> bool {
        self.rng.u32(0..100) < WRONG_PERCENT
    }

    /// Some id, or one that is none.
    fn any(&mut self) -> u32 {
        self.rng.u32(0..self.kinds.len() as u32 + 2)
    }

    /// The id of a type of one of `kinds`, before `before` if there is one there.
    fn one_of(&mut self, kinds: &[Kind], before: usize) -> u32 {
        if self.wrong() {
            return self.any();
        }
        let ids: Vec<_> = (1..)
            .zip(&self.kinds)
            .filter(|(_, kind)| kinds.contains(kind))
            .map(|(id, _)| id)
            .collect();
        let earlier: Vec<_> = ids
            .iter()
            .copied()
            .filter(|id| *id < before as u32)
            .collect();
        let from = if earlier.is_empty() || self.rng.u32(0..20) == 0 {
            ids
        } else {
            earlier
        };
        if from.is_empty() {
            1
        } else {
            from[self.rng.usize(0..from.len())]
        }
    }

    fn value(&mut self, before: usize) -> u32 {
        let plain = [
            Kind::INT,
            Kind::PTR,
            Kind::ARRAY,
            Kind::STRUCT,
            Kind::UNION,
            Kind::ENUM,
            Kind::FLOAT,
            Kind::ENUM64,
            Kind::TYPEDEF,
            Kind::CONST,
            Kind::VOLATILE,
        ];
        self.one_of(&plain, before)
    }

    fn name(&mut self) -> &'static str {
        NAMES[self.rng.usize(0..NAMES.len())]
    }
}

/// A random blob.
pub(super) fn generate(rng: &mut Rng) -> Blob {
    let mut blob = Blob::new("generated");
    if rng.u32(0..20) == 0 {
        return chain(blob, rng);
    }
    let mut kinds = vec![Kind::INT];
    for _ in 0..rng.usize(1..40) {
        kinds.push(KINDS[rng.usize(0..KINDS.len())]);
    }
    let mut plan = Plan { kinds, rng };
    for place in 0..plan.kinds.len() {
        push(&mut blob, &mut plan, place);
    }
    blob.finish()
}

/// One type on another, as far as the kernel follows and further.
fn chain(mut blob: Blob, rng: &mut Rng) -> Blob {
    let int = blob.push(Kind::INT, "int", (0, false), 4, &[32]);
    let kinds = [Kind::PTR, Kind::CONST, Kind::ARRAY, Kind::STRUCT];
    let kind = kinds[rng.usize(0..kinds.len())];
    let len = rng.usize(CHAIN_LENS);
    for place in 0..len {
        // Each on the one that comes after it, so that the first one resolves them all.
        let next = if place + 1 == len {
            int
        } else {
            blob.next_id() + 1
        };
        match kind {
            Kind::ARRAY => blob.push(kind, "", (0, false), 0, &[next, int, 1]),
            Kind::STRUCT => {
                let member = [blob.name("m"), next, 0];
                blob.push(kind, "s", (1, false), 4, &member)
            }
            _ => blob.push(kind, "", (0, false), next, &[]),
        };
    }
    blob.what = format!("chain of {len} of kind {kind}");
    blob.finish()
}

fn push(blob: &mut Blob, plan: &mut Plan<'_>, place: usize) {
    let (kind, before) = (plan.kinds[place], place + 1);
    match kind {
        Kind::INT => {
            let bytes = [1_u32, 2, 4, 8, 16][plan.rng.usize(0..5)];
            let encoding = [0, 1, 2, 4][plan.rng.usize(0..4)];
            let mut word = (bytes * 8) | (encoding << 24);
            if plan.rng.u32(0..10) == 0 {
                word = plan.rng.u32(1..=bytes * 8) | plan.rng.u32(0..4) << 16;
            }
            blob.push(kind, "int", (0, false), bytes, &[word]);
        }
        Kind::ARRAY => {
            let words = [
                plan.value(before),
                plan.one_of(&[Kind::INT], before),
                plan.rng.u32(0..5),
            ];
            blob.push(kind, "", (0, false), 0, &words);
        }
        Kind::STRUCT | Kind::UNION => composite(blob, plan, place),
        Kind::ENUM | Kind::ENUM64 => {
            let values = plan.rng.u32(0..4);
            let mut words = Vec::new();
            for value in 0..values {
                words.extend([blob.name(plan.name()), value]);
                words.extend((kind == Kind::ENUM64).then_some(0));
            }
            let size = [1, 2, 4, 8][plan.rng.usize(0..4)];
            blob.push(kind, plan.name(), (values, plan.rng.bool()), size, &words);
        }
        Kind::FWD => {
            blob.push(kind, plan.name(), (0, plan.rng.bool()), 0, &[]);
        }
        Kind::FUNC_PROTO => func_proto(blob, plan, before),
        Kind::FUNC => {
            let proto = plan.one_of(&[Kind::FUNC_PROTO], before);
            let linkage = plan.rng.u32(0..2);
            blob.push(kind, plan.name(), (linkage, false), proto, &[]);
        }
        Kind::VAR => {
            let ty = plan.value(before);
            let linkage = plan.rng.u32(0..2);
            blob.push(kind, plan.name(), (0, false), ty, &[linkage]);
        }
        Kind::DATASEC => datasec(blob, plan, before),
        Kind::FLOAT => {
            let size = [2, 4, 8, 12, 16][plan.rng.usize(0..5)];
            blob.push(kind, "float", (0, false), size, &[]);
        }
        Kind::DECL_TAG => {
            let kinds = [
                Kind::STRUCT,
                Kind::UNION,
                Kind::FUNC,
                Kind::VAR,
                Kind::TYPEDEF,
            ];
            let target = plan.one_of(&kinds, before);
            let component = match plan.rng.u32(0..3) {
                0 => plan.rng.u32(0..3),
                _ => WHOLE,
            };
            let flag = plan.rng.u32(0..10) == 0;
            blob.push(kind, "tag", (0, flag), target, &[component]);
        }
        _ => reference(blob, plan, kind, before),
    }
}

/// PTR and the modifiers.
fn reference(blob: &mut Blob, plan: &mut Plan<'_>, kind: Kind, before: usize) {
    let target = match plan.rng.u32(0..10) {
        0 => 0,
        1 => plan.one_of(&[Kind::FWD, Kind::FUNC_PROTO, Kind::FUNC], before),
        // A pointer may point ahead.
        2..6 if kind == Kind::PTR => plan.value(usize::MAX),
        _ => plan.value(before),
    };
    let name = match kind {
        Kind::TYPEDEF => plan.name(),
        Kind::TYPE_TAG => ["user", "rcu", "kptr"][plan.rng.usize(0..3)],
        _ => "",
    };
    let flag = kind == Kind::TYPE_TAG && plan.rng.u32(0..10) == 0;
    blob.push(kind, name, (0, flag), target, &[]);
}

fn composite(blob: &mut Blob, plan: &mut Plan<'_>, place: usize) {
    let (kind, before) = (plan.kinds[place], place + 1);
    let bitfields = plan.rng.u32(0..3) == 0;
    let count = plan.rng.u32(0..6);
    let mut words = Vec::new();
    let mut bit = 0;
    for _ in 0..count {
        let ty = plan.value(before);
        let name = if plan.rng.u32(0..5) == 0 {
            ""
        } else {
            plan.name()
        };
        let width = match bitfields && plan.rng.bool() {
            true => plan.rng.u32(0..34),
            false => 0,
        };
        words.extend([blob.name(name), ty, width << 24 | bit]);
        if kind == Kind::STRUCT {
            bit += [0, 1, 8, 32, 64, 128][plan.rng.usize(0..6)];
            if !bitfields {
                bit = bit.next_multiple_of(64);
            }
        }
    }
    let name = if plan.rng.bool() { "" } else { plan.name() };
    let size = match plan.rng.u32(0..6) {
        0 => bit.div_ceil(8) + plan.rng.u32(0..17),
        _ => STRUCT_SIZE,
    };
    blob.push(kind, name, (count, bitfields), size, &words);
}

fn func_proto(blob: &mut Blob, plan: &mut Plan<'_>, before: usize) {
    let count = plan.rng.u32(0..6);
    let mut words = Vec::new();
    for _ in 0..count {
        let ty = plan.value(before);
        let name = if plan.rng.u32(0..8) == 0 {
            ""
        } else {
            plan.name()
        };
        words.extend([blob.name(name), ty]);
    }
    let mut vlen = count;
    if plan.rng.u32(0..5) == 0 {
        words.extend([0, 0]);
        vlen += 1;
    }
    let returned = if plan.rng.bool() {
        0
    } else {
        plan.value(before)
    };
    blob.push(Kind::FUNC_PROTO, "", (vlen, false), returned, &words);
}

fn datasec(blob: &mut Blob, plan: &mut Plan<'_>, before: usize) {
    let count = plan.rng.u32(0..4);
    let mut words = Vec::new();
    for place in 0..count {
        let var = plan.one_of(&[Kind::VAR], before);
        let size = [4, 8, STRUCT_SIZE][plan.rng.usize(0..3)];
        words.extend([var, place * STRUCT_SIZE, size]);
    }
    let size = count.max(1) * STRUCT_SIZE;
    let names = [".data", ".bss", "maps", "has space"];
    let name = names[plan.rng.usize(0..names.len())];
    blob.push(Kind::DATASEC, name, (count, false), size, &words);
}
