// SPDX-License-Identifier: MIT OR Apache-2.0

//! A function's prototype as C would declare it.

use core::fmt;

use crate::limits::MAX_RESOLVE_DEPTH;
use crate::{Btf, Kind, Type, TypeId};

/// Prints a FUNC as a C declaration: `u32 bpf_self_id_impl(struct bpf_prog_aux *program)`.
///
/// For people to read. Array and function pointer parameters are printed by their kind only.
#[derive(Clone, Copy, Debug)]
pub struct Declaration<'b, 'a> {
    btf: &'b Btf<'a>,
    func: Type<'a>,
}

impl<'b, 'a> Declaration<'b, 'a> {
    /// The declaration of `func`, a FUNC of `btf`; none for another kind.
    pub fn new(btf: &'b Btf<'a>, func: Type<'a>) -> Option<Self> {
        (func.kind() == Kind::FUNC).then_some(Self { btf, func })
    }

    fn type_and_name(&self, f: &mut fmt::Formatter<'_>, ty: TypeId, name: &[u8]) -> fmt::Result {
        let pointer = self.print_type(f, ty, 0)?;
        if !pointer && !name.is_empty() {
            f.write_str(" ")?;
        }
        print_bytes(f, name)
    }

    /// Prints a type; tells whether it ended with the `*` of a pointer.
    fn print_type(
        &self,
        f: &mut fmt::Formatter<'_>,
        id: TypeId,
        depth: usize,
    ) -> Result<bool, fmt::Error> {
        if id == TypeId::VOID {
            f.write_str("void")?;
            return Ok(false);
        }
        let Some(ty) = self.btf.get(id).filter(|_| depth < MAX_RESOLVE_DEPTH) else {
            f.write_str("?")?;
            return Ok(false);
        };
        let target = ty.target().unwrap_or(TypeId::VOID);
        let deeper = depth.saturating_add(1);
        let prefix = match ty.kind() {
            Kind::PTR => {
                if !self.print_type(f, target, deeper)? {
                    f.write_str(" ")?;
                }
                f.write_str("*")?;
                return Ok(true);
            }
            Kind::TYPE_TAG => return self.print_type(f, target, deeper),
            Kind::CONST => {
                f.write_str("const ")?;
                return self.print_type(f, target, deeper);
            }
            Kind::VOLATILE => {
                f.write_str("volatile ")?;
                return self.print_type(f, target, deeper);
            }
            Kind::RESTRICT => return self.print_type(f, target, deeper),
            Kind::STRUCT => "struct ",
            Kind::UNION => "union ",
            Kind::ENUM | Kind::ENUM64 => "enum ",
            Kind::FWD if ty.info().kind_flag() => "union ",
            Kind::FWD => "struct ",
            Kind::ARRAY => "array",
            Kind::FUNC_PROTO => "function",
            _ => "",
        };
        f.write_str(prefix)?;
        print_bytes(f, self.btf.name(&ty))?;
        Ok(false)
    }
}

impl fmt::Display for Declaration<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proto = self.func.target().and_then(|id| self.btf.get(id));
        let return_type = proto
            .and_then(|proto| proto.target())
            .unwrap_or(TypeId::VOID);
        self.type_and_name(f, return_type, self.btf.name(&self.func))?;
        f.write_str("(")?;
        let mut first = true;
        for param in proto.iter().flat_map(Type::params) {
            if !first {
                f.write_str(", ")?;
            }
            first = false;
            self.type_and_name(f, param.ty, self.btf.name_at(param.name))?;
        }
        f.write_str(if first { "void)" } else { ")" })
    }
}

fn print_bytes(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        f.write_str(chunk.valid())?;
        if !chunk.invalid().is_empty() {
            f.write_str("\u{fffd}")?;
        }
    }
    Ok(())
}
