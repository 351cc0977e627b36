// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which definitions C must see before a type, and in what order.
//!
//! What a struct holds by value must be complete before it. For what it points to a forward declaration will do,
//! if that has a name; what has none is written out in place, and its own members with it.

use btf_core::{Btf, Error, Kind, Type, TypeId};

use super::limits::{all_ids, too_deep, Limits};

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    /// On the way from the root to here.
    Open,
    Done,
}

/// What has been put in order so far.
pub(super) struct Order<'b, 'a> {
    btf: &'b Btf<'a>,
    states: Vec<State>,
    /// Whether anything refers to the type.
    referenced: Vec<bool>,
    definitions: Vec<TypeId>,
    limits: Limits,
}

/// Whether what depends on a type needs its definition.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Needs {
    Nothing,
    Definition,
}

impl<'b, 'a> Order<'b, 'a> {
    pub(super) fn new(btf: &'b Btf<'a>) -> Self {
        let len = btf.end_id().0 as usize;
        Self {
            btf,
            states: vec![State::New; len],
            referenced: referenced(btf, len),
            definitions: Vec::new(),
            limits: Limits::new(btf),
        }
    }

    /// The definitions that are missing for `id` to be complete, itself the last.
    pub(super) fn before(&mut self, id: TypeId) -> Result<Vec<TypeId>, Error> {
        self.visit(id, false)?;
        Ok(std::mem::take(&mut self.definitions))
    }

    /// There is no need to define `id`.
    pub(super) fn skip(&mut self, id: TypeId) {
        self.set(id, State::Done);
    }

    fn visit(&mut self, id: TypeId, by_pointer: bool) -> Result<Needs, Error> {
        let Some(ty) = self.btf.get(id) else {
            return Ok(Needs::Definition);
        };
        let named = ty.name_offset() != 0;
        match self.states[id.0 as usize] {
            State::Done => return Ok(Needs::Definition),
            State::Open if by_pointer && named && is_composite(&ty) => return Ok(Needs::Nothing),
            State::Open => return Err(too_deep(id)),
            State::New => {}
        }
        self.limits.enter(id)?;
        let needs = self.visit_new(&ty, by_pointer)?;
        self.limits.leave();
        Ok(needs)
    }

    fn visit_new(&mut self, ty: &Type<'a>, by_pointer: bool) -> Result<Needs, Error> {
        let id = ty.id();
        let named = ty.name_offset() != 0;
        let target = ty.target().unwrap_or(TypeId::VOID);
        match ty.kind() {
            Kind::PTR => {
                let needs = self.visit(target, true)?;
                self.set(id, State::Done);
                Ok(needs)
            }
            Kind::ARRAY => self.visit(
                ty.array().map_or(TypeId::VOID, |array| array.element),
                false,
            ),
            Kind::STRUCT | Kind::UNION if by_pointer && named => Ok(Needs::Nothing),
            Kind::STRUCT | Kind::UNION => {
                self.set(id, State::Open);
                for member in ty.members() {
                    self.visit(member.ty, false)?;
                }
                Ok(self.defined(id, named))
            }
            // Nothing refers to a nameless enum that only gives names to numbers.
            Kind::ENUM | Kind::ENUM64 | Kind::FWD => {
                let alone = named || !self.referenced[id.0 as usize];
                Ok(self.defined(id, alone))
            }
            Kind::TYPEDEF => match self.visit(target, by_pointer)? {
                Needs::Nothing if by_pointer => Ok(Needs::Nothing),
                _ => Ok(self.defined(id, true)),
            },
            Kind::VOLATILE | Kind::CONST | Kind::RESTRICT | Kind::TYPE_TAG => {
                self.visit(target, by_pointer)
            }
            Kind::FUNC_PROTO => {
                let mut needs = self.visit(target, by_pointer)?;
                for param in ty.params() {
                    needs = needs.max(self.visit(param.ty, by_pointer)?);
                }
                Ok(needs)
            }
            // Built in, or nothing that C defines.
            _ => {
                self.set(id, State::Done);
                Ok(Needs::Nothing)
            }
        }
    }

    fn set(&mut self, id: TypeId, state: State) {
        self.states[id.0 as usize] = state;
    }

    /// All that `id` needs is in order; `alone` if it has a definition of its own.
    fn defined(&mut self, id: TypeId, alone: bool) -> Needs {
        if alone {
            self.definitions.push(id);
        }
        self.set(id, State::Done);
        Needs::Definition
    }
}

fn is_composite(ty: &Type<'_>) -> bool {
    matches!(ty.kind(), Kind::STRUCT | Kind::UNION)
}

fn referenced(btf: &Btf<'_>, len: usize) -> Vec<bool> {
    let mut referenced = vec![false; len];
    let mut mark = |id: TypeId| referenced[id.0 as usize] = true;
    for ty in all_ids(btf).filter_map(|id| btf.get(id)) {
        ty.target().into_iter().for_each(&mut mark);
        if let Some(array) = ty.array() {
            mark(array.element);
            mark(array.index);
        }
        ty.members().for_each(|member| mark(member.ty));
        ty.params().for_each(|param| mark(param.ty));
        ty.variables().for_each(|variable| mark(variable.var));
    }
    referenced
}
