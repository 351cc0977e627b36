// SPDX-License-Identifier: MIT OR Apache-2.0

//! The BTF of a kernel as pahole left it, before resolve_btfids: for tests.
//!
//! ```text
//!   FUNC foo ─► short proto, FUNC foo_impl ─► full proto, tags      ──►      FUNC foo ─► full proto
//! ```
//!
//! What only the two prototypes needed is left out again.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result};
use btf_core::{Btf, Header, Kind, Type, TypeId, WriteOptions, Writer};
use kfunc_abi::KfuncFlags;
use kfunc_cli::NamedKfunc;

/// The order that types are left in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they were: sorted by name.
    Kept,
    /// By chance, the same each time.
    Shuffled,
}

/// The BTF `data` of a vmlinux without what was done for `kfuncs`.
///
/// # Errors
///
/// A kfunc that is not in the BTF, or that has no prototype as it was before.
pub fn unsplit(data: &[u8], kfuncs: &[NamedKfunc], order: Order) -> Result<Vec<u8>> {
    let btf = Btf::parse(data)?;
    let mut room = vec![0; btf.own_len() as usize];
    let btf = btf.indexed(&mut room);
    let mut before = Before {
        btf,
        gone: HashSet::new(),
        protos: HashMap::new(),
    };
    before.take_kfuncs(kfuncs)?;
    before.drop_tags();
    before.drop_unused();
    let ids = before.ids(order);
    before.write(!Header::parse(data)?.layout.is_empty(), data.len(), &ids)
}

struct Before<'b> {
    btf: Btf<'b>,
    /// Types that are left out.
    gone: HashSet<TypeId>,
    /// The prototypes that FUNCs had.
    protos: HashMap<TypeId, TypeId>,
}

impl<'b> Before<'b> {
    fn take_kfuncs(&mut self, kfuncs: &[NamedKfunc]) -> Result<()> {
        let names: HashSet<_> = kfuncs.iter().map(|kfunc| &*kfunc.name).collect();
        for kfunc in kfuncs {
            let func = self.func(&kfunc.name).context(kfunc.name.clone())?;
            let full_name = format!("{}_impl", kfunc.name);
            let full = self.func(&full_name);
            let split = kfunc.flags.contains(KfuncFlags::IMPLICIT_ARGS);
            let proto = match full {
                Some(full) if split => {
                    // A legacy kfunc's is in the source.
                    if !names.contains(&*full_name) {
                        self.gone.insert(full.id());
                    }
                    full.target()
                }
                _ => func.target().map(|proto| self.without_arena(proto)),
            };
            let proto = proto.context("a FUNC has no prototype")?;
            self.protos.insert(func.id(), proto);
        }
        Ok(())
    }

    fn func(&self, name: &str) -> Option<Type<'b>> {
        self.btf.find(name.as_bytes(), Kind::FUNC)
    }

    /// The prototype that is as `proto` but for the attributes of arena pointers; they are added to copies.
    fn without_arena(&self, proto: TypeId) -> TypeId {
        let Some(ty) = self.btf.get(proto) else {
            return proto;
        };
        let mut types = ty.params().map(|param| param.ty).chain(ty.target());
        if !types.any(|id| self.is_arena(id)) {
            return proto;
        }
        let signature = |ty: &Type<'_>| {
            let params = ty.params().map(|param| (param.name, self.plain(param.ty)));
            let returned = self.plain(ty.target().unwrap_or(TypeId::VOID));
            (returned, params.collect::<Vec<_>>())
        };
        let wanted = signature(&ty);
        let mut plain = self.btf.of_kind(Kind::FUNC_PROTO).filter(|other| {
            let clean = other
                .params()
                .map(|param| param.ty)
                .chain(other.target())
                .all(|id| !self.is_arena(id));
            clean && signature(other) == wanted
        });
        plain.next().map_or(proto, |plain| plain.id())
    }

    /// The type, or what it points to if it may be an arena pointer.
    fn plain(&self, id: TypeId) -> Plain {
        match self.btf.get(id) {
            Some(ty) if ty.kind() == Kind::PTR => {
                let target = ty.target().unwrap_or(TypeId::VOID);
                let tag = self.btf.get(target).filter(is_attribute);
                Plain::Pointer(tag.and_then(|tag| tag.target()).unwrap_or(target))
            }
            _ => Plain::Other(id),
        }
    }

    fn is_arena(&self, id: TypeId) -> bool {
        let pointer = self.btf.get(id).filter(|ty| ty.kind() == Kind::PTR);
        let target = pointer.and_then(|ty| self.btf.get(ty.target()?));
        target.is_some_and(|target| is_attribute(&target))
    }

    /// Tags are what resolve_btfids writes, those of functions that are gone among them.
    fn drop_tags(&mut self) {
        for tag in self.btf.of_kind(Kind::DECL_TAG) {
            let of_kfunc = matches!(self.btf.name(&tag), b"bpf_kfunc" | b"bpf_fastcall");
            if of_kfunc || tag.target().is_some_and(|func| self.gone.contains(&func)) {
                self.gone.insert(tag.id());
            }
        }
    }

    /// Leaves out what something referred to, and nothing does any more.
    fn drop_unused(&mut self) {
        let mut users: HashMap<TypeId, u32> = HashMap::new();
        for ty in self.btf.types() {
            for id in self.references(&ty, false) {
                *users.entry(id).or_default() += 1;
            }
        }
        let mut lost: Vec<_> = Vec::new();
        for ty in self.btf.types() {
            let old = self.references(&ty, false);
            let new = self.references(&ty, true);
            if self.gone.contains(&ty.id()) {
                lost.extend(old);
            } else if old != new {
                lost.extend(old);
                for id in new {
                    *users.entry(id).or_default() += 1;
                }
            }
        }
        while let Some(id) = lost.pop() {
            let count = users.entry(id).or_default();
            *count = count.saturating_sub(1);
            let used = *count > 0;
            if let Some(ty) = self.btf.get(id) {
                let anonymous = matches!(ty.kind(), Kind::PTR | Kind::FUNC_PROTO | Kind::TYPE_TAG);
                if !used && anonymous && self.gone.insert(id) {
                    lost.extend(self.references(&ty, true));
                }
            }
        }
    }

    /// What `ty` refers to, of the kinds that matter here.
    fn references(&self, ty: &Type<'_>, after: bool) -> Vec<TypeId> {
        let target = match self.protos.get(&ty.id()) {
            Some(proto) if after => Some(*proto),
            _ => ty.target(),
        };
        let array = ty.array();
        let array = array
            .into_iter()
            .flat_map(|array| [array.element, array.index]);
        let members = ty.members().map(|member| member.ty);
        let params = ty.params().map(|param| param.ty);
        target
            .into_iter()
            .chain(array)
            .chain(members)
            .chain(params)
            .collect()
    }

    /// The types that stay, in their new order.
    fn ids(&self, order: Order) -> Vec<TypeId> {
        let ids = self.btf.types().map(|ty| ty.id());
        let mut ids: Vec<_> = ids.filter(|id| !self.gone.contains(id)).collect();
        if order == Order::Shuffled {
            ids.sort_by_key(|id| id.0.wrapping_mul(0x9e37_79b1).rotate_left(13));
        }
        ids
    }

    fn write(&self, layout: bool, len: usize, ids: &[TypeId]) -> Result<Vec<u8>> {
        let new_ids: HashMap<_, _> = ids.iter().copied().zip((1..).map(TypeId)).collect();
        let mut out = vec![0; len];
        let mut name_index = vec![0; 2 * self.btf.names_len()];
        let mut writer = Writer::with(
            &mut out,
            WriteOptions {
                layout,
                name_index: &mut name_index,
                ..WriteOptions::default()
            },
        );
        for id in ids {
            let ty = self.btf.get(*id).context("a type is missing")?;
            let proto = self.protos.get(id);
            writer.push_type(&self.btf, &ty, |old| {
                let old = proto.copied().unwrap_or(old);
                new_ids.get(&old).copied().unwrap_or(TypeId::VOID)
            })?;
        }
        let len = writer.finish()?.len();
        out.truncate(len);
        Ok(out)
    }
}

/// A type without the attribute of arena pointers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plain {
    Pointer(TypeId),
    Other(TypeId),
}

fn is_attribute(ty: &Type<'_>) -> bool {
    ty.kind() == Kind::TYPE_TAG && ty.info().kind_flag()
}
