// SPDX-License-Identifier: MIT OR Apache-2.0

//! Definitions one after the other, and before each of them forward declarations of what it points to.

use btf_core::{Error, Kind, Type, TypeId};

use super::printer::Printer;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    /// Its definition is being prepared.
    Open,
    Defined,
}

/// What C has been told so far.
pub(super) struct Forward<'b, 'a> {
    pub(super) printer: Printer<'b, 'a>,
    states: Vec<State>,
    announced: Vec<bool>,
}

impl<'b, 'a> Forward<'b, 'a> {
    pub(super) fn new(printer: Printer<'b, 'a>) -> Self {
        let len = printer.btf.end_id().0 as usize;
        Self {
            printer,
            states: vec![State::New; len],
            announced: vec![false; len],
        }
    }

    /// Defines `id`, if that was not done yet.
    pub(super) fn define(&mut self, id: TypeId) -> Result<(), Error> {
        self.prepare(id, None)
    }

    /// There is no need to define `id`, nor to announce it.
    pub(super) fn skip(&mut self, id: TypeId) {
        self.set(id, State::Defined);
    }

    /// Makes `id` known, for a member of `container`; without one, defines it.
    fn prepare(&mut self, id: TypeId, container: Option<TypeId>) -> Result<(), Error> {
        let Some(ty) = self.printer.btf.get(id) else {
            return Ok(());
        };
        match self.states[id.0 as usize] {
            State::Defined => return Ok(()),
            State::Open => return self.announce_open(&ty, container),
            State::New => {}
        }
        self.printer.limits.enter(id)?;
        self.prepare_new(&ty, container)?;
        self.printer.limits.leave();
        Ok(())
    }

    /// `ty` is met again inside of itself.
    fn announce_open(&mut self, ty: &Type<'a>, container: Option<TypeId>) -> Result<(), Error> {
        let id = ty.id();
        if self.announced[id.0 as usize] {
            return Ok(());
        }
        match ty.kind() {
            Kind::STRUCT | Kind::UNION if container != Some(id) && ty.name_offset() != 0 => {
                self.announce_composite(ty);
            }
            Kind::TYPEDEF => {
                self.define_typedef(ty)?;
                self.announced[id.0 as usize] = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn prepare_new(&mut self, ty: &Type<'a>, container: Option<TypeId>) -> Result<(), Error> {
        let id = ty.id();
        let target = ty.target().unwrap_or(TypeId::VOID);
        match ty.kind() {
            Kind::INT => {
                self.printer.missing_alias(ty);
                self.set(id, State::Defined);
            }
            Kind::ENUM | Kind::ENUM64 => {
                if container.is_none() {
                    self.printer.enum_definition(ty, 0)?;
                    self.printer.end();
                }
                self.set(id, State::Defined);
            }
            Kind::FWD => {
                self.printer.tag(ty);
                self.printer.end();
                self.set(id, State::Defined);
            }
            Kind::TYPEDEF => {
                self.set(id, State::Open);
                self.prepare(target, Some(id))?;
                if !self.announced[id.0 as usize] {
                    self.define_typedef(ty)?;
                }
                self.set(id, State::Defined);
            }
            Kind::STRUCT | Kind::UNION => return self.prepare_composite(ty, container),
            Kind::ARRAY => {
                let element = ty.array().map_or(TypeId::VOID, |array| array.element);
                self.prepare(element, container)?;
            }
            Kind::FUNC_PROTO => {
                self.prepare(target, container)?;
                for param in ty.params() {
                    self.prepare(param.ty, container)?;
                }
            }
            Kind::PTR | Kind::VOLATILE | Kind::CONST | Kind::RESTRICT | Kind::TYPE_TAG => {
                self.prepare(target, container)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn prepare_composite(&mut self, ty: &Type<'a>, container: Option<TypeId>) -> Result<(), Error> {
        let id = ty.id();
        let named = ty.name_offset() != 0;
        self.set(id, State::Open);
        if container.is_none() || !named {
            let members_of = if named { Some(id) } else { container };
            for member in ty.members() {
                self.prepare(member.ty, members_of)?;
            }
        } else if !self.announced[id.0 as usize] && container != Some(id) {
            self.announce_composite(ty);
        }
        if container.is_some() {
            self.set(id, State::New);
            return Ok(());
        }
        self.printer.composite_definition(ty, 0)?;
        self.printer.end();
        self.set(id, State::Defined);
        Ok(())
    }

    fn announce_composite(&mut self, ty: &Type<'a>) {
        self.printer.tag(ty);
        self.printer.end();
        self.announced[ty.id().0 as usize] = true;
    }

    fn define_typedef(&mut self, ty: &Type<'a>) -> Result<(), Error> {
        self.printer.typedef_definition(ty)?;
        self.printer.end();
        Ok(())
    }

    fn set(&mut self, id: TypeId, state: State) {
        self.states[id.0 as usize] = state;
    }
}
