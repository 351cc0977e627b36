// SPDX-License-Identifier: MIT OR Apache-2.0

//! Structs, unions and typedefs: equal if the whole graphs of types behind them are.
//!
//! ```text
//!   candidate   struct a { struct b *next; }     struct b { struct a *a; }
//!                   │ stands for?   └──────────────── │ ──────────┘
//!   known       struct a { struct b *next; }     struct b;          a FWD and a struct are equal for now
//! ```
//!
//! Graphs have circles. So whoever comes to a known type notes which candidate it is taken for, and coming there again
//! asks whether it is the same one. If all fits, the notes hold: structs on the way are settled, and so are FWDs
//! (`btf_dedup_struct_type`, `btf_dedup_is_equiv`, `btf_dedup_merge_hypot_map`).

use super::same::{child, children, declares_union, is_composite, is_link, Records};
use super::stack::LONGEST_STEP;
use super::Dedup;
use crate::words::{index, put};
use crate::{Error, ErrorKind, Kind, Type};

/// How deep types are compared that a compiler gave twice within one graph (`btf_dedup_identical_types`).
const IDENTICAL_DEPTH: u32 = 16;
/// How many steps that may take for one pair. A compiler's types take some dozens; made ones could take 16 to the power of
/// their members.
const IDENTICAL_STEPS: u32 = 1 << 20;

/// What a look at two types tells.
enum Look<'d> {
    Equal,
    Different,
    /// Equal if all that they refer to is.
    Open(Pair<'d>),
}

impl From<bool> for Look<'_> {
    fn from(equal: bool) -> Self {
        if equal {
            Self::Equal
        } else {
            Self::Different
        }
    }
}

/// Two types of which all that they refer to must be equal.
struct Pair<'d> {
    candidate: Type<'d>,
    known: Type<'d>,
    /// How many of their references were followed.
    followed: u32,
}

impl<'d> Dedup<'d, '_> {
    pub(super) fn take_composites(&mut self) -> Result<(), Error> {
        for ty in self.records.amended.types() {
            if (is_composite(&ty) || ty.kind() == Kind::TYPEDEF) && !self.is_mapped(ty.id().0) {
                self.take_composite(&ty)?;
            }
        }
        Ok(())
    }

    fn take_composite(&mut self, ty: &Type<'_>) -> Result<(), Error> {
        let hash = self.records.hash(ty, |id| id);
        let mut stands = ty.id().0;
        let mut candidate = self.table.next(hash, 0);
        while candidate != 0 {
            let known = self.records.get(candidate);
            let alike = match ty.kind() {
                Kind::TYPEDEF => self.records.is_same_head(ty, &known),
                _ => self.records.is_same_shape(ty, &known),
            };
            if alike && self.is_equivalent(ty.id().0, candidate)? {
                self.accept();
                if !self.hypothesis.changes_base {
                    stands = candidate;
                    break;
                }
            }
            candidate = self.table.next(hash, candidate);
        }
        self.settle(ty, stands, hash);
        Ok(())
    }

    /// Whether the graphs behind two types are equal, under a new hypothesis.
    fn is_equivalent(&mut self, candidate: u32, known: u32) -> Result<bool, Error> {
        self.hypothesis.clear();
        self.stack.clear();
        let mut pair = match self.look(candidate, known)? {
            Look::Equal => return Ok(true),
            Look::Different => return Ok(false),
            Look::Open(pair) => pair,
        };
        loop {
            match self.look_on(&mut pair)? {
                Look::Different => return Ok(false),
                Look::Open(below) => {
                    let Pair {
                        candidate, known, ..
                    } = pair;
                    let step = [candidate.id().0, known.id().0, pair.followed];
                    let too_deep = || ErrorKind::TooDeep.of_type(candidate.id());
                    self.stack.push(step).ok_or_else(too_deep)?;
                    pair = below;
                }
                Look::Equal => match self.stack.pop::<LONGEST_STEP>() {
                    Some([candidate, known, followed]) => {
                        pair = Pair {
                            candidate: self.records.get(candidate),
                            known: self.records.get(known),
                            followed,
                        }
                    }
                    None => return Ok(true),
                },
            }
        }
    }

    /// Looks at what both types of a pair refer to, up to where more must be looked at.
    fn look_on(&mut self, pair: &mut Pair<'d>) -> Result<Look<'d>, Error> {
        let len = children(&pair.candidate);
        while index(pair.followed) < len {
            let at = index(pair.followed);
            pair.followed = pair.followed.saturating_add(1);
            match self.look(child(&pair.candidate, at), child(&pair.known, at))? {
                Look::Equal => {}
                look => return Ok(look),
            }
        }
        Ok(Look::Equal)
    }

    fn look(&mut self, candidate: u32, known: u32) -> Result<Look<'d>, Error> {
        if candidate == known || self.resolved(candidate) == self.resolved(known) {
            return Ok(Look::Equal);
        }
        let other = self.without_forward(self.records.get(known));
        let known = other.id().0;
        if let Some(before) = self.hypothesis.candidate_of(known) {
            // Within one unit a compiler can describe one type twice.
            return Ok((before == candidate || self.is_identical(before, candidate)?).into());
        }
        self.hypothesis.add(known, candidate);
        self.compare(self.records.get(candidate), other)
    }

    /// Compares what two types say themselves.
    fn compare(&mut self, one: Type<'d>, other: Type<'d>) -> Result<Look<'d>, Error> {
        let records = self.records;
        let kinds = [one.kind(), other.kind()];
        if records.name(&one) != records.name(&other) {
            return Ok(Look::Different);
        }
        if kinds.contains(&Kind::FWD) && one.kind() != other.kind() {
            return Ok(self.is_declaration(&one, &other).into());
        }
        if one.kind() != other.kind() {
            return Ok(Look::Different);
        }
        let alike = match one.kind() {
            Kind::INT => return Ok(records.is_same_int(&one, &other).into()),
            Kind::ENUM | Kind::ENUM64 => {
                return Ok(records.is_compatible_enum(&one, &other).into());
            }
            Kind::FWD | Kind::FLOAT => return Ok(records.is_same_common(&one, &other).into()),
            Kind::ARRAY => records.is_same_length(&one, &other),
            Kind::STRUCT | Kind::UNION => records.is_same_shape(&one, &other),
            Kind::FUNC_PROTO => records.is_same_proto_shape(&one, &other),
            kind if is_link(kind) || kind == Kind::TYPEDEF => one.info() == other.info(),
            kind => return Err(ErrorKind::UnexpectedKind(kind).of_type(one.id())),
        };
        if !alike {
            return Ok(Look::Different);
        }
        Ok(Look::Open(Pair {
            candidate: one,
            known: other,
            followed: 0,
        }))
    }

    /// Whether one of two types is the declaration of the other.
    fn is_declaration(&mut self, one: &Type<'_>, other: &Type<'_>) -> bool {
        let (forward, real) = match one.kind() {
            Kind::FWD => (one, other),
            _ => (other, one),
        };
        let kind = if declares_union(forward) {
            Kind::UNION
        } else {
            Kind::STRUCT
        };
        if real.kind() != kind {
            return false;
        }
        if one.kind() != Kind::FWD && other.id().0 < self.first {
            self.hypothesis.changes_base = true;
        }
        true
    }

    /// What stands for `known` if it is a FWD that stands for something else; else itself.
    fn without_forward(&self, known: Type<'d>) -> Type<'d> {
        if known.kind() != Kind::FWD {
            return known;
        }
        let stands = self.records.get(self.resolved(known.id().0));
        if stands.kind() == Kind::FWD {
            known
        } else {
            stands
        }
    }

    /// Whether two types of the candidate's graph are one that is described twice.
    fn is_identical(&self, one: u32, other: u32) -> Result<bool, Error> {
        let mut steps = IDENTICAL_STEPS;
        self.records
            .is_identical(one, other, IDENTICAL_DEPTH, &mut steps)
    }

    /// The hypothesis holds: what it says of structs, unions and FWDs is noted.
    fn accept(&mut self) {
        for place in 0..self.hypothesis.len {
            let Some(known) = self.hypothesis.listed(place) else {
                continue;
            };
            let Some(candidate) = self.hypothesis.candidate_of(known) else {
                continue;
            };
            let (candidate, known) = (self.resolved(candidate), self.resolved(known));
            let (one, other) = (self.records.get(candidate), self.records.get(known));
            let [one_forward, other_forward] = [&one, &other].map(|ty| ty.kind() == Kind::FWD);
            if !one_forward && other_forward {
                put(self.map, known, candidate);
            }
            if self.hypothesis.changes_base {
                continue;
            }
            if one_forward && !other_forward {
                put(self.map, candidate, known);
            }
            let settled = self.is_mapped(known) && !self.is_mapped(candidate);
            if is_composite(&one) && !other_forward && settled {
                put(self.map, candidate, known);
            }
        }
    }
}

impl Records<'_, '_> {
    /// As `btf_dedup_identical_types`. That one compares an array with itself, so its elements never count.
    fn is_identical(
        &self,
        one: u32,
        other: u32,
        depth: u32,
        steps: &mut u32,
    ) -> Result<bool, Error> {
        let (mut one, mut other) = (self.get(one), self.get(other));
        loop {
            let too_deep = || ErrorKind::TooDeep.of_type(one.id());
            *steps = steps.checked_sub(1).ok_or_else(too_deep)?;
            if depth == 0 || one.kind() != other.kind() {
                return Ok(false);
            }
            let shape = match one.kind() {
                Kind::VOID => return Ok(true),
                Kind::INT => return Ok(self.is_same_int(&one, &other)),
                Kind::ENUM | Kind::ENUM64 => return Ok(self.is_compatible_enum(&one, &other)),
                Kind::FWD | Kind::FLOAT => return Ok(self.is_same_common(&one, &other)),
                Kind::ARRAY => return Ok(self.is_same_length(&one, &other)),
                Kind::STRUCT | Kind::UNION => self.is_same_shape(&one, &other),
                Kind::FUNC_PROTO => self.is_same_proto_shape(&one, &other),
                kind if is_link(kind) || kind == Kind::TYPEDEF => {
                    if !self.is_same_head(&one, &other) {
                        return Ok(false);
                    }
                    one = self.get(child(&one, 0));
                    other = self.get(child(&other, 0));
                    continue;
                }
                _ => return Ok(false),
            };
            if !shape {
                return Ok(false);
            }
            for at in 0..children(&one) {
                let (one, other) = (child(&one, at), child(&other, at));
                let below = depth.saturating_sub(1);
                if one != other && !self.is_identical(one, other, below, steps)? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
    }
}
