// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc btf unsplit`: the BTF of a kernel or module as pahole left it, before it was split.
//!
//! ```text
//!   FUNC foo ─► short proto, FUNC foo_impl ─► full proto, tags      ──►      FUNC foo ─► full proto
//! ```
//!
//! What only the two prototypes needed is left out again. This is for tests: it gives the input that a kernel's build had
//! for `kfunc btf split` and for resolve_btfids, up to the order of types and strings.

use std::collections::{HashMap, HashSet};

use btf_core::{Btf, Dialect, Header, Kind, Type, TypeId, WriteOptions, Writer};
use kfunc_abi::split::{ImplicitRule, SplitErrorKind};
use kfunc_abi::{KfuncFlags, FASTCALL_TAG, KFUNC_TAG};

use crate::rooms::Rooms;
use crate::split::{measured, no_func, NamedKfunc};
use crate::{Error, Result};

/// The order that types are left in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeOrder {
    /// As they were: sorted by name.
    Kept,
    /// None, as pahole leaves them; the same each time.
    Shuffled,
}

/// The BTF `data`, split from `base` if it is a module's, without what was done for `kfuncs`.
///
/// # Errors
///
/// Damaged BTF, a kfunc that it does not have, or one without a prototype.
pub fn unsplit_btf(
    data: &[u8],
    base: Option<&[u8]>,
    kfuncs: &[NamedKfunc],
    order: TypeOrder,
) -> Result<Vec<u8>> {
    let base = base.map(Btf::parse).transpose().map_err(Error::Base)?;
    let mut base_rooms = Rooms::of(base.as_ref());
    let base = base.map(|base| base_rooms.index(base));
    let btf = match &base {
        Some(base) => Btf::parse_split(data, base)?,
        None => Btf::parse(data)?,
    };
    let mut rooms = Rooms::of(Some(&btf));
    let mut before = Before {
        btf: rooms.index(btf),
        gone: HashSet::new(),
        protos: HashMap::new(),
        used: HashSet::new(),
    };
    let types = before.btf.types();
    before.used = types.flat_map(|ty| before.references(&ty, false)).collect();
    before.take_kfuncs(kfuncs)?;
    before.drop_tags();
    before.drop_unused();
    before.write(data, base.as_ref(), &before.ids(order))
}

struct Before<'b> {
    btf: Btf<'b>,
    /// Types that are left out.
    gone: HashSet<TypeId>,
    /// The prototypes that FUNCs had.
    protos: HashMap<TypeId, TypeId>,
    /// What something refers to.
    used: HashSet<TypeId>,
}

impl<'b> Before<'b> {
    fn take_kfuncs(&mut self, kfuncs: &[NamedKfunc]) -> Result<()> {
        let names: HashSet<_> = kfuncs.iter().map(|kfunc| &*kfunc.name).collect();
        for kfunc in kfuncs {
            let func = self
                .func(&kfunc.name)
                .ok_or_else(|| no_func(&self.btf, kfunc))?;
            let proto = self.proto_before(kfunc, &func, &names);
            let is_proto =
                |id: &TypeId| (self.btf.get(*id)).is_some_and(|ty| ty.kind() == Kind::FUNC_PROTO);
            let proto = proto.filter(is_proto).ok_or_else(|| Error::Split {
                kfunc: kfunc.name.clone(),
                error: SplitErrorKind::NoPrototype,
            })?;
            self.protos.insert(func.id(), proto);
        }
        Ok(())
    }

    /// The prototype that `kfunc` had. Its second FUNC goes, unless `names`, those of all kfuncs, say that the source has it.
    fn proto_before(
        &mut self,
        kfunc: &NamedKfunc,
        func: &Type<'_>,
        names: &HashSet<&str>,
    ) -> Option<TypeId> {
        let full_name = format!("{}_impl", kfunc.name);
        match self.func(&full_name) {
            Some(full) if kfunc.flags.contains(KfuncFlags::IMPLICIT_ARGS) => {
                if names.contains(&*full_name) {
                    return self.before_legacy(func).or(full.target());
                }
                self.gone.insert(full.id());
                full.target()
            }
            _ => func.target().map(|proto| self.without_arena(proto)),
        }
    }

    fn func(&self, name: &str) -> Option<Type<'b>> {
        self.btf.find_own(name.as_bytes(), Kind::FUNC)
    }

    /// The prototype that `func`, a kfunc with a legacy form, had before: the parameters that it has now, and then implicit
    /// ones. Nothing refers to it any more, unless it is that of another function, too.
    fn before_legacy(&self, func: &Type<'_>) -> Option<TypeId> {
        let public = self.btf.get(func.target()?)?;
        let explicit = public.params().len();
        let protos = self.btf.of_kind(Kind::FUNC_PROTO).filter(|proto| {
            proto.target() == public.target()
                && proto.params().take(explicit).eq(public.params())
                && ImplicitRule::OFFICIAL.first_implicit(&self.btf, proto, true) == Some(explicit)
        });
        let id = protos.map(|proto| proto.id());
        id.min_by_key(|id| self.used.contains(id))
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
            let of_kfunc = [KFUNC_TAG, FASTCALL_TAG].map(str::as_bytes);
            if of_kfunc.contains(&self.btf.name(&tag))
                || tag.target().is_some_and(|func| self.gone.contains(&func))
            {
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
    fn ids(&self, order: TypeOrder) -> Vec<TypeId> {
        let ids = self.btf.types().map(|ty| ty.id());
        let mut ids: Vec<_> = ids.filter(|id| !self.gone.contains(id)).collect();
        if order == TypeOrder::Shuffled {
            ids.sort_by_key(|id| id.0.wrapping_mul(0x9e37_79b1).rotate_left(13));
        }
        ids
    }

    fn write(&self, data: &[u8], base: Option<&Btf<'_>>, ids: &[TypeId]) -> Result<Vec<u8>> {
        let header = Header::parse(data)?;
        let first = self.btf.first_id().0;
        let new_ids: HashMap<_, _> = ids.iter().copied().zip((first..).map(TypeId)).collect();
        let mut name_index = vec![0; 2 * self.btf.names_len()];
        measured(data.len(), |out| {
            let mut writer = Writer::with(
                out,
                WriteOptions {
                    base,
                    byte_order: self.btf.byte_order(),
                    dialect: Dialect::Vlen24,
                    layout: !header.layout.is_empty(),
                    long_header: header.is_long(),
                    repeat_names: false,
                    name_index: &mut name_index,
                },
            );
            for ty in ids.iter().filter_map(|id| self.btf.get(*id)) {
                let proto = self.protos.get(&ty.id());
                writer.push_type(&self.btf, &ty, |old| {
                    let old = proto.copied().unwrap_or(old);
                    new_ids.get(&old).copied().unwrap_or(old)
                })?;
            }
            Ok(writer.finish().map(<[u8]>::len))
        })
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
