// SPDX-License-Identifier: MIT OR Apache-2.0

//! Pointers to the kernel's objects: which members are some, and what they may point to (`btf_find_kptr`,
//! `btf_parse_kptr`).

use super::kind::FieldKind;
use super::{Checker, Field};
use crate::limits::MAX_CHAIN_LEN;
use crate::validate::graph::Graph;
use crate::validate::Rule;
use crate::{Btf, Kind, Type, TypeId};

/// The kernel's own types.
#[derive(Clone, Copy)]
pub(in crate::validate) struct Kernel<'c> {
    btf: Option<&'c Btf<'c>>,
}

/// A struct, and the function that releases one. Where that function is, it is registered for the struct
/// (`register_btf_id_dtor_kfuncs`, called in `kernel/bpf/{helpers,cpumask,crypto}.c`, `net/sched/bpf_qdisc.c`,
/// `net/core/bpf_ksock.c` and `net/bpf/test_run.c`).
const DESTRUCTORS: &[(&[u8], &[u8])] = &[
    (b"task_struct", b"bpf_task_release_dtor"),
    (b"cgroup", b"bpf_cgroup_release_dtor"),
    (b"bpf_cpumask", b"bpf_cpumask_release_dtor"),
    (b"bpf_crypto_ctx", b"bpf_crypto_ctx_release_dtor"),
    (b"sk_buff", b"bpf_kfree_skb_dtor"),
    (b"bpf_ksock", b"bpf_ksock_release_dtor"),
    (b"prog_test_ref_kfunc", b"bpf_kfunc_call_test_release_dtor"),
    (b"prog_test_member", b"bpf_kfunc_call_memb_release_dtor"),
];

impl<'c> Kernel<'c> {
    pub(super) fn new(btf: Option<&'c Btf<'c>>) -> Self {
        Self { btf }
    }

    fn has(&self, name: &[u8], kind: Kind) -> bool {
        self.btf.is_some_and(|btf| btf.find(name, kind).is_some())
    }

    fn has_destructor(&self, name: &[u8]) -> bool {
        DESTRUCTORS
            .iter()
            .any(|(ty, destructor)| *ty == name && self.has(destructor, Kind::FUNC))
    }
}

/// The tags that 7.3 knows, as bits.
const UNTRUSTED: u32 = 1;
const REF: u32 = 2;
const PERCPU: u32 = 4;
const UPTR: u32 = 8;

/// Notes for each modifier which known tags are on it or behind it (`btf_type_tag_walk`).
///
/// Linear: each chain is short up to its end or to a modifier that was looked at before, by [`super::super::chain`].
pub(super) fn note_tags(graph: &Graph<'_, '_>) {
    for start in graph.btf().types().filter(|ty| ty.kind().is_modifier()) {
        let mut tags = 0;
        let mut ty = start;
        for _ in 0..MAX_CHAIN_LEN {
            tags |= tag(graph.btf(), &ty);
            let next = ty.target().and_then(|id| graph.node(id));
            let Some(next) = next.filter(|next| next.kind().is_modifier()) else {
                break;
            };
            if next.id() < start.id() {
                tags |= graph.tags(next.id());
                break;
            }
            ty = next;
        }
        graph.note_tags(start.id(), tags);
    }
}

/// The bit of the tag that `ty` is, if it is a known one.
fn tag(btf: &Btf<'_>, ty: &Type<'_>) -> u32 {
    if ty.kind() != Kind::TYPE_TAG || ty.info().kind_flag() {
        return 0;
    }
    match btf.name(ty) {
        b"kptr_untrusted" => UNTRUSTED,
        b"kptr" => REF,
        b"percpu_kptr" => PERCPU,
        b"uptr" => UPTR,
        _ => 0,
    }
}

impl<'a> Checker<'_, 'a> {
    /// What kind of kptr `ty` is, and what it points to; none for another type.
    pub(super) fn kptr(&self, ty: &Type<'a>) -> Result<Option<(FieldKind, TypeId)>, Rule> {
        let mut pointer = *ty;
        if let (Kind::VOLATILE, Some(target)) = (ty.kind(), ty.target()) {
            pointer = self.node(target);
        }
        let Some(target) = pointer.target().filter(|_| pointer.kind() == Kind::PTR) else {
            return Ok(None);
        };
        let kind = if self.release.is_6_12() {
            self.only_tag(target)?
        } else {
            self.one_tag(target)?
        };
        let Some(kind) = kind else {
            return Ok(None);
        };
        match self.end_of_chain(target) {
            ty if ty.kind() == Kind::STRUCT => Ok(Some((kind, ty.id()))),
            _ => Err(Rule::KptrTags),
        }
    }

    /// 6.12: the tag stands first, and no other one follows.
    fn only_tag(&self, target: TypeId) -> Result<Option<FieldKind>, Rule> {
        let tag = self.node(target);
        if tag.kind() != Kind::TYPE_TAG {
            return Ok(None);
        }
        let next = self.node(tag.target().unwrap_or(TypeId::VOID));
        if next.kind() == Kind::TYPE_TAG {
            return Err(Rule::KptrTags);
        }
        match self.shown_name(tag.name_offset()) {
            b"kptr_untrusted" => Ok(Some(FieldKind::KptrUntrusted)),
            b"kptr" => Ok(Some(FieldKind::KptrRef)),
            b"percpu_kptr" => Ok(Some(FieldKind::KptrPercpu)),
            _ => Err(Rule::KptrTags),
        }
    }

    /// 7.3: one tag of the known ones, anywhere among the modifiers; it may stand there again.
    fn one_tag(&self, target: TypeId) -> Result<Option<FieldKind>, Rule> {
        match self.graph.tags(target) {
            UNTRUSTED => Ok(Some(FieldKind::KptrUntrusted)),
            REF => Ok(Some(FieldKind::KptrRef)),
            PERCPU => Ok(Some(FieldKind::KptrPercpu)),
            // A uptr has its place in maps only.
            0 | UPTR => Ok(None),
            _ => Err(Rule::KptrTags),
        }
    }

    /// What `id` is behind all modifiers.
    fn end_of_chain(&self, id: TypeId) -> Type<'a> {
        let ty = self.node(id);
        if ty.kind().is_modifier() {
            self.node(self.graph.resolved_id(id))
        } else {
            ty
        }
    }

    /// The kernel must know how to release what a `kptr` points to, if it is a type of its own.
    pub(super) fn check_kptr(&self, field: &Field<'a>) -> Result<(), Rule> {
        let name = self.shown_name(self.node(field.target).name_offset());
        let of_kernel = self.is_of_kernel(field);
        if of_kernel && field.kind == FieldKind::KptrRef && !self.kernel.has_destructor(name) {
            return Err(Rule::Kptr);
        }
        Ok(())
    }

    /// Whether a kptr points to a type of the kernel's, and not to one that only the program has.
    pub(super) fn is_of_kernel(&self, field: &Field<'a>) -> bool {
        let name = self.shown_name(self.node(field.target).name_offset());
        self.kernel.has(name, Kind::STRUCT)
    }
}
