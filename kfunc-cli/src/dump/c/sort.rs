// SPDX-License-Identifier: MIT OR Apache-2.0

//! The order in which types are taken up, so that headers of similar kernels look similar: enums, integers,
//! structs, prototypes, each by name. It is bpftool's (`sort_btf_c` of `tools/bpf/bpftool/btf.c`).

use btf_core::{Btf, Error, Kind, Type, TypeId};

use super::limits::{all_ids, too_deep, MAX_CHAIN};

/// The rank of what no name leads to.
const LAST: u8 = 10;

/// All types, sorted.
pub(super) fn sorted(btf: &Btf<'_>) -> Result<Vec<TypeId>, Error> {
    let mut keys = Vec::new();
    for ty in all_ids(btf).filter_map(|id| btf.get(id)) {
        let key = (
            rank(btf, ty)?,
            sort_name(btf, ty)?,
            btf.name(&ty),
            Hash(btf).of_type(ty, true, 0)?,
            ty.id(),
        );
        keys.push(key);
    }
    keys.sort_unstable();
    Ok(keys.into_iter().map(|(.., id)| id).collect())
}

/// What `ty` refers to, for the kinds that are ranked by it.
fn next(ty: &Type<'_>) -> Option<TypeId> {
    match ty.kind() {
        Kind::ARRAY => ty.array().map(|array| array.element),
        Kind::TYPE_TAG
        | Kind::CONST
        | Kind::PTR
        | Kind::VOLATILE
        | Kind::RESTRICT
        | Kind::TYPEDEF
        | Kind::DECL_TAG => ty.target(),
        _ => None,
    }
}

fn rank(btf: &Btf<'_>, ty: Type<'_>) -> Result<u8, Error> {
    let mut named = false;
    let mut ty = ty;
    for _ in 0..MAX_CHAIN {
        named |= ty.name_offset() != 0;
        let Some(id) = next(&ty) else {
            return Ok(match ty.kind() {
                Kind::ENUM | Kind::ENUM64 => u8::from(named),
                Kind::INT | Kind::FLOAT => 2,
                Kind::STRUCT | Kind::UNION if named => 3,
                Kind::FUNC_PROTO if named => 4,
                _ => LAST,
            });
        };
        match btf.get(id) {
            Some(target) if named => ty = target,
            _ => return Ok(LAST),
        }
    }
    Err(too_deep(ty.id()))
}

fn sort_name<'a>(btf: &Btf<'a>, start: Type<'a>) -> Result<&'a [u8], Error> {
    let mut ty = start;
    for _ in 0..MAX_CHAIN {
        let Some(id) = next(&ty) else {
            let first = ty.enumerators().next();
            return Ok(match first {
                // Nothing else tells the nameless enums apart.
                Some(first) if ty == start && ty.name_offset() == 0 => btf.name_at(first.name),
                _ => btf.name(&ty),
            });
        };
        match btf.get(id) {
            Some(target) => ty = target,
            None => return Ok(b""),
        }
    }
    Err(too_deep(ty.id()))
}

/// A hash for what has the same name, so that its order does not depend on ids.
struct Hash<'b, 'a>(&'b Btf<'a>);

impl Hash<'_, '_> {
    fn of_type(&self, ty: Type<'_>, with_members: bool, depth: usize) -> Result<u64, Error> {
        if depth > MAX_CHAIN {
            return Err(too_deep(ty.id()));
        }
        let mut hash = self.of_name(0, ty.name_offset());
        for enumerator in ty.enumerators() {
            hash = self.of_name(hash, enumerator.name);
        }
        if with_members {
            for member in ty.members() {
                hash = self.of_name(hash, member.name);
                hash = mix(hash, self.of_id(member.ty, false, depth + 1)?);
            }
        }
        if let Some(array) = ty.array() {
            hash = mix(hash, u64::from(array.len));
        }
        match next(&ty) {
            Some(id) => Ok(mix(hash, self.of_id(id, with_members, depth + 1)?)),
            None => Ok(hash),
        }
    }

    fn of_id(&self, id: TypeId, with_members: bool, depth: usize) -> Result<u64, Error> {
        match self.0.get(id) {
            Some(ty) => self.of_type(ty, with_members, depth),
            None => Ok(0),
        }
    }

    fn of_name(&self, hash: u64, offset: u32) -> u64 {
        if offset == 0 {
            return hash;
        }
        let name = self.0.name_at(offset);
        mix(
            hash,
            name.iter()
                .fold(0, |hash, &byte| mix(hash, u64::from(byte))),
        )
    }
}

fn mix(hash: u64, value: u64) -> u64 {
    hash.wrapping_mul(31).wrapping_add(value)
}
