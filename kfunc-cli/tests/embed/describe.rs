// SPDX-License-Identifier: MIT OR Apache-2.0

//! Types as text, whatever their ids.

use btf_core::{Btf, Kind, TypeId};

/// What `id` is, to the last type: `*const struct node{u32 value @0}`. Of a struct that was begun, and of those of the
/// base, only the name.
pub(crate) fn describe(btf: &Btf<'_>, id: TypeId) -> String {
    Describer {
        btf,
        open: Vec::new(),
    }
    .text(id)
}

/// The functions of `btf` that are called `name`, as [`describe`] says them.
pub(crate) fn functions(btf: &Btf<'_>, name: &str) -> Vec<String> {
    let named = btf.named(name.as_bytes(), Kind::FUNC);
    named.map(|func| describe(btf, func.id())).collect()
}

/// Names of the tags on `id`.
pub(crate) fn tags(btf: &Btf<'_>, id: TypeId) -> Vec<String> {
    btf.of_kind(Kind::DECL_TAG)
        .filter(|tag| tag.target() == Some(id) && tag.component() == Some(-1))
        .map(|tag| text(btf.name(&tag)))
        .collect()
}

fn text(name: &[u8]) -> String {
    String::from_utf8(name.to_vec()).unwrap()
}

struct Describer<'b, 'a> {
    btf: &'b Btf<'a>,
    open: Vec<TypeId>,
}

impl Describer<'_, '_> {
    fn text(&mut self, id: TypeId) -> String {
        if id == TypeId::VOID {
            return "void".to_owned();
        }
        let btf = self.btf;
        let ty = btf.get(id).unwrap();
        let name = text(btf.name(&ty));
        let named = |offset| text(btf.name_at(offset));
        let target = ty.target().unwrap_or(TypeId::VOID);
        match ty.kind() {
            Kind::INT | Kind::FLOAT => name,
            Kind::PTR => format!("*{}", self.text(target)),
            Kind::CONST => format!("const {}", self.text(target)),
            Kind::VOLATILE => format!("volatile {}", self.text(target)),
            Kind::RESTRICT => format!("restrict {}", self.text(target)),
            Kind::TYPEDEF => format!("{name}={}", self.text(target)),
            Kind::TYPE_TAG if ty.info().kind_flag() => format!("[[{name}]] {}", self.text(target)),
            Kind::TYPE_TAG => format!("<{name}> {}", self.text(target)),
            Kind::FWD => format!("fwd {name}"),
            Kind::ARRAY => {
                let array = ty.array().unwrap();
                let index = self.text(array.index);
                format!("[{}; {index}] {}", array.len, self.text(array.element))
            }
            Kind::STRUCT | Kind::UNION => {
                let kind = if ty.kind() == Kind::UNION {
                    "union"
                } else {
                    "struct"
                };
                if self.open.contains(&id) || id < btf.first_id() {
                    return format!("{kind} {name}");
                }
                self.open.push(id);
                let members: Vec<_> = ty
                    .members()
                    .map(|member| {
                        let (name, at) = (named(member.name), member.bit_offset);
                        format!(
                            "{} {name} @{at}:{}",
                            self.text(member.ty),
                            member.bitfield_size
                        )
                    })
                    .collect();
                let size = ty.size().unwrap();
                format!("{kind} {name}{{{}}} {size}", members.join(", "))
            }
            Kind::ENUM | Kind::ENUM64 => {
                let values: Vec<_> = ty
                    .enumerators()
                    .map(|value| format!("{}={}", named(value.name), value.value))
                    .collect();
                let (kind, size) = (ty.kind(), ty.size().unwrap());
                format!("{kind} {name}{{{}}} {size}", values.join(", "))
            }
            Kind::FUNC => format!("{name}: {}", self.text(target)),
            Kind::FUNC_PROTO => {
                let params: Vec<_> = ty
                    .params()
                    .map(|param| format!("{} {}", self.text(param.ty), named(param.name)))
                    .collect();
                format!("{}({})", self.text(target), params.join(", "))
            }
            Kind::DECL_TAG => format!("@{name} {}", self.text(target)),
            Kind::VAR => format!("var {name} {}", self.text(target)),
            Kind::DATASEC => {
                let variables: Vec<_> = ty
                    .variables()
                    .map(|variable| format!("{} @{}", self.text(variable.var), variable.offset))
                    .collect();
                format!("datasec {name} {}", variables.join(", "))
            }
            kind => panic!("{kind}"),
        }
    }
}
