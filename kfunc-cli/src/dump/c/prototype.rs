// SPDX-License-Identifier: MIT OR Apache-2.0

//! Single declarations, with the names that a `vmlinux.h` gives to types.

use std::collections::BTreeSet;

use btf_core::{Btf, Kind, Param, TypeId};
use kfunc_abi::FASTCALL_TAG;

use super::forward::Forward;
use super::kfuncs::tagged;
use super::names::Names;
use super::order::Order;
use super::printer::Printer;
use super::twin::Twins;
use super::{placed, sort, BUILT_IN};
use crate::Result;

/// How clang knows the pointers of an arena.
pub(crate) const ARENA_ATTRIBUTE: &str = "__attribute__((address_space(1)))";

/// `text` with the macro for arena pointers by which BPF programs know them.
pub(crate) fn arena_macro(text: &str) -> String {
    text.replace(ARENA_ATTRIBUTE, "__arena")
}

/// Declares one thing after the other.
pub(crate) struct Declarations<'b, 'a> {
    btf: &'b Btf<'a>,
    printer: Printer<'b, 'a>,
}

impl<'b, 'a> Declarations<'b, 'a> {
    pub(crate) fn new(btf: &'b Btf<'a>, pointer_size: Option<u32>) -> Self {
        let printer = Printer::new(btf, pointer_size);
        Self { btf, printer }
    }

    /// `name`, declared to be of type `id`. Declarations are not meant for one compilation: types of the same name are
    /// not told apart.
    pub(crate) fn declare(&mut self, id: TypeId, name: &[u8]) -> Result<String> {
        self.printer.names = Names::new(self.btf);
        placed(self.btf, self.printer.declaration(id, name, 0))?;
        Ok(text(&mut self.printer))
    }

    /// A parameter.
    pub(crate) fn param(&mut self, param: Param) -> Result<String> {
        self.declare(param.ty, self.btf.name_at(param.name))
    }
}

/// Declarations that follow a `vmlinux.h`: the whole BTF, or the base of a split one.
pub(crate) struct AfterKernel<'b, 'a> {
    btf: &'b Btf<'a>,
    order: Order<'b, 'a>,
    forward: Forward<'b, 'a>,
    fast: BTreeSet<TypeId>,
}

impl<'b, 'a> AfterKernel<'b, 'a> {
    /// Types of `btf` from `first_own` on are not in the `vmlinux.h`.
    pub(crate) fn new(
        btf: &'b Btf<'a>,
        pointer_size: Option<u32>,
        first_own: TypeId,
    ) -> Result<Self> {
        let mut order = Order::new(btf);
        let mut forward = Forward::new(Printer::new(btf, pointer_size));
        forward.printer.names.reserve(BUILT_IN);
        let kernel = placed(btf, sort::sorted(btf))?.into_iter();
        for id in kernel.filter(|&id| id < first_own) {
            for definition in placed(btf, order.before(id))? {
                placed(btf, forward.define(definition))?;
            }
            forward.printer.take();
        }
        let twins = Twins::new(btf, first_own);
        for own in (first_own.0..btf.end_id().0).filter_map(|id| btf.get(TypeId(id))) {
            if let Some(twin) = twins.of(&own) {
                forward.printer.names.share(own.id(), &twin);
                forward.skip(own.id());
                order.skip(own.id());
            }
        }
        Ok(Self {
            fast: tagged(btf, FASTCALL_TAG.as_bytes())
                .map(|func| func.id())
                .collect(),
            btf,
            order,
            forward,
        })
    }

    /// The definitions that `ty` needs and that were not there yet.
    pub(crate) fn define(&mut self, ty: TypeId) -> Result<String> {
        let mut named = Vec::new();
        placed(self.btf, self.named(ty, &mut named))?;
        for id in named {
            for definition in placed(self.btf, self.order.before(id))? {
                placed(self.btf, self.forward.define(definition))?;
            }
        }
        Ok(text(&mut self.forward.printer))
    }

    /// The types with a name, or with members, that a prototype or a type around them leads to.
    fn named(
        &mut self,
        id: TypeId,
        named: &mut Vec<TypeId>,
    ) -> std::result::Result<(), btf_core::Error> {
        let Some(ty) = self.btf.get(id) else {
            return Ok(());
        };
        self.forward.printer.limits.enter(id)?;
        match ty.kind() {
            Kind::FUNC_PROTO => {
                self.named(ty.target().unwrap_or(TypeId::VOID), named)?;
                for param in ty.params() {
                    self.named(param.ty, named)?;
                }
            }
            Kind::ARRAY => {
                let element = ty.array().map_or(TypeId::VOID, |array| array.element);
                self.named(element, named)?;
            }
            Kind::TYPEDEF => {
                named.push(id);
                self.named(ty.target().unwrap_or(TypeId::VOID), named)?;
            }
            _ => match ty.target() {
                Some(target) => self.named(target, named)?,
                None => named.push(id),
            },
        }
        self.forward.printer.limits.leave();
        Ok(())
    }

    /// Whether the FUNC `func` keeps the registers that it could change.
    pub(crate) fn is_fast(&self, func: TypeId) -> bool {
        self.fast.contains(&func)
    }

    /// `name`, declared to be of type `id`.
    pub(crate) fn declare(&mut self, id: TypeId, name: &[u8]) -> Result<String> {
        let printer = &mut self.forward.printer;
        placed(self.btf, printer.declaration(id, name, 0))?;
        Ok(text(printer))
    }
}

/// What was printed. C's identifiers are ASCII, or else no compiler would have made this BTF.
fn text(printer: &mut Printer<'_, '_>) -> String {
    String::from_utf8_lossy(&printer.take()).into_owned()
}
