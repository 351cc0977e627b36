// SPDX-License-Identifier: MIT OR Apache-2.0

//! Special fields: locks, lists, trees, refcounts and kernel pointers in a program's structs
//! (`btf_parse_struct_metas`, `btf_check_and_fixup_fields`, `btf_check_ownership_depth`).

mod find;
mod kind;
mod kptr;
mod ownership;
mod root;

use find::find;
use kind::{FieldKind, SPECIAL_STRUCTS};
pub(super) use kptr::Kernel;

use super::graph::{Graph, HAS_FIELDS, SPECIAL};
use super::{broken, Release, Rule};
use crate::{Btf, Error, Kind, Type, TypeId};

/// `BTF_FIELDS_MAX` of `include/linux/bpf.h`.
const MAX_FIELDS: usize = 11;

/// A special field of a struct.
#[derive(Clone, Copy)]
struct Field<'a> {
    kind: FieldKind,
    /// Bytes from the start of the struct.
    offset: u32,
    /// What a kptr points to, or what hangs on a list head or tree root.
    target: TypeId,
    /// The member of the target that is its node.
    node: &'a [u8],
}

/// The special fields of a struct, by their offsets.
#[derive(Clone, Copy)]
struct Fields<'a> {
    fields: [Field<'a>; MAX_FIELDS],
    len: usize,
}

impl<'a> Fields<'a> {
    fn new() -> Self {
        let none = Field {
            kind: FieldKind::Refcount,
            offset: 0,
            target: TypeId::VOID,
            node: &[],
        };
        Self {
            fields: [none; MAX_FIELDS],
            len: 0,
        }
    }

    fn push(&mut self, field: Field<'a>) -> Result<(), Rule> {
        *self.fields.get_mut(self.len).ok_or(Rule::TooManyFields)? = field;
        self.len = self.len.saturating_add(1);
        Ok(())
    }

    fn as_slice(&self) -> &[Field<'a>] {
        self.fields.get(..self.len).unwrap_or_default()
    }

    fn has(&self, is: impl Fn(FieldKind) -> bool) -> bool {
        self.as_slice().iter().any(|field| is(field.kind))
    }
}

/// What the checks here look at.
struct Checker<'c, 'a> {
    graph: &'c Graph<'c, 'a>,
    btf: &'c Btf<'a>,
    kernel: Kernel<'c>,
    release: Release,
}

/// Checks the structs with special fields.
pub(super) fn check(
    graph: &Graph<'_, '_>,
    kernel: Option<&Btf<'_>>,
    release: Release,
) -> Result<(), Error> {
    let btf = graph.btf();
    let checker = Checker {
        graph,
        btf,
        kernel: Kernel::new(kernel),
        release,
    };
    kptr::note_tags(graph);
    if !mark_special(graph, &checker) {
        return Ok(());
    }
    for ty in btf.types().filter(|ty| ty.kind() == Kind::STRUCT) {
        if ty
            .members()
            .any(|member| graph.is_marked(member.ty, SPECIAL))
        {
            checker
                .fields(&ty)
                .map_err(|rule| broken(btf, rule, ty.id()))?;
            graph.mark(ty.id(), HAS_FIELDS);
        }
    }
    ownership::check(graph, &checker)
}

/// Marks the types whose members are special fields. False if there are none.
fn mark_special(graph: &Graph<'_, '_>, checker: &Checker<'_, '_>) -> bool {
    let mut any = false;
    for name in SPECIAL_STRUCTS {
        if let Some(ty) = checker.btf.find_own(name, Kind::STRUCT) {
            graph.mark(ty.id(), SPECIAL);
            any = true;
        }
    }
    for ty in checker.btf.types() {
        if let Ok(Some(_)) = checker.kptr(&ty) {
            graph.mark(ty.id(), SPECIAL);
            any = true;
        }
    }
    any
}

impl<'a> Checker<'_, 'a> {
    /// The special fields of `ty`, which has one (`btf_parse_fields`).
    fn fields(&self, ty: &Type<'a>) -> Result<Fields<'a>, Rule> {
        let fields = find(self, ty)?;
        let mut end = 0;
        for field in fields.as_slice() {
            let field_end = field.offset.saturating_add(field.kind.size());
            if field_end > ty.size().unwrap_or(0) {
                return Err(Rule::NoField);
            }
            if field.offset < end {
                return Err(Rule::FieldOverlap);
            }
            end = field_end;
            if field.kind.is_kptr() {
                self.check_kptr(field)?;
            } else if field.kind.is_root() {
                self.check_root(field)?;
            }
        }
        if fields.len == 0 {
            return Err(Rule::NoField);
        }
        check_together(&fields)?;
        Ok(fields)
    }

    /// The name at `offset`, as the kernel compares it.
    fn shown_name(&self, offset: u32) -> &'a [u8] {
        match offset {
            0 => b"(anon)",
            _ => self.btf.name_at(offset),
        }
    }

    /// The type of `id`. A program's BTF has been resolved before: there is one.
    fn node(&self, id: TypeId) -> Type<'a> {
        self.btf.get(id).unwrap_or(Type::VOID)
    }
}

/// What one field of a struct demands of the others.
fn check_together(fields: &Fields<'_>) -> Result<(), Rule> {
    let has = |kind| fields.has(|this| this == kind);
    let spin = has(FieldKind::SpinLock);
    let resilient = has(FieldKind::ResSpinLock);
    let two_locks = spin && resilient;
    let unlocked = fields.has(FieldKind::is_root) && !spin && !resilient;
    let two_owners =
        has(FieldKind::ListNode) && has(FieldKind::RbNode) && !has(FieldKind::Refcount);
    if two_locks || unlocked || two_owners {
        return Err(Rule::Locks);
    }
    Ok(())
}
