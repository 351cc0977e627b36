// SPDX-License-Identifier: MIT OR Apache-2.0

//! Relocation: what is found is what a search without any shortcut finds, and what is written is the same BTF elsewhere.

use std::collections::HashSet;

use btf_core::{Btf, ErrorKind, Kind, Relocation, Type, TypeId};

use crate::generate::{generate_move, Move};
use crate::parse::check_error;
use crate::same::{assert_same, names_of};
use crate::{cut, is_btf};

/// What lies in the room before; it must not matter.
const RUBBISH: u32 = 0xdead_beef;

/// As bytes, the input is a distilled base, a module over it, and a kernel.
fn input(data: &[u8]) -> Move {
    if !is_btf(data) {
        return generate_move(data);
    }
    let (distilled, rest) = cut(data);
    let (module, kernel) = cut(rest);
    Move {
        distilled: distilled.to_vec(),
        kernel: kernel.to_vec(),
        module: module.to_vec(),
    }
}

pub fn check(data: &[u8]) {
    let Move {
        distilled,
        kernel,
        module,
    } = input(data);
    let (Ok(distilled), Ok(kernel)) = (Btf::parse(&distilled), Btf::parse(&kernel)) else {
        return;
    };
    let mut room = [0; 7];
    let distilled = distilled.indexed(&mut room);
    let Ok(split) = Btf::parse_split(&module, &distilled) else {
        return;
    };
    assert_eq!(
        Relocation::new(&kernel, &kernel, &mut [0; 64])
            .map(|_| ())
            .unwrap_err()
            .kind,
        ErrorKind::MissingBase
    );
    if distilled.own_len() == 0 {
        let error = Relocation::new(&split, &kernel, &mut [0; 64]).unwrap_err();
        assert!(matches!(
            error.kind,
            ErrorKind::EmptyBase | ErrorKind::OtherByteOrder
        ));
        return;
    }
    let need = Relocation::required_len(&split);
    let mut room = vec![RUBBISH; need];
    let mut short = vec![0; need];
    let found = Relocation::new(&split, &kernel, &mut room);
    let short = Relocation::new(&split, &kernel, &mut short[1..]);
    if split.byte_order() == kernel.byte_order() {
        assert_eq!(
            short.map(|_| ()).unwrap_err().kind,
            ErrorKind::RoomTooSmall { need }
        );
        if let Some(expected) = search(&split, &distilled, &kernel) {
            let ids: Option<Vec<_>> = found.as_ref().ok().map(|found| {
                let ids = distilled.types().map(|ty| found.id(ty.id()).unwrap());
                ids.collect()
            });
            assert_eq!(ids, expected, "{:?}", found.map(|_| ()));
        }
    }
    match found {
        Ok(found) => check_found(&found, &split, &distilled, &kernel, &module),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Checks where things are, and what is written.
fn check_found(
    found: &Relocation<'_>,
    split: &Btf<'_>,
    distilled: &Btf<'_>,
    kernel: &Btf<'_>,
    data: &[u8],
) {
    assert_eq!(found.id(TypeId::VOID), Some(TypeId::VOID));
    assert_eq!(found.id(split.end_id()), None);
    assert_eq!(found.id(TypeId(u32::MAX)), None);
    for ty in distilled.types() {
        let other = kernel.get(found.id(ty.id()).unwrap()).unwrap();
        assert_eq!(distilled.name(&ty), kernel.name(&other));
    }
    let mut out = vec![0; data.len()];
    if let Some(less) = out.get_mut(1..) {
        let error = found.write(less).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BufferTooSmall { need: data.len() });
    }
    match found.write(&mut out) {
        Ok(len) => {
            assert_eq!(len, data.len());
            let moved = Btf::parse_split(&out, kernel).unwrap();
            assert_eq!(moved.own_len(), split.own_len());
            for (old, new) in split.types().zip(moved.types()) {
                if names_of(&old)
                    .iter()
                    .any(|name| *name >= split.end_name().max(1))
                {
                    // What is beyond the strings need not be so on the other base.
                    continue;
                }
                assert_same((split, &old), (&moved, &new), |id| found.id(id).unwrap());
            }
        }
        Err(error) => check_error(&error, data),
    }
}

/// What each distilled type stands for, by the rules that [`Relocation::new`] tells, without any shortcut; `None` if
/// it must fail. No answer at all for empty names that are not at offset 0.
fn search(split: &Btf<'_>, distilled: &Btf<'_>, kernel: &Btf<'_>) -> Option<Option<Vec<TypeId>>> {
    let candidates: Vec<_> = kernel
        .types()
        .filter(|ty| is_findable(ty) || ty.kind() == Kind::ENUM64)
        .collect();
    let candidates: Vec<_> = candidates
        .into_iter()
        .filter(|ty| ty.name_offset() != 0)
        .collect();
    let nameless = |btf: &Btf<'_>, ty: &Type<'_>| ty.name_offset() != 0 && btf.name(ty).is_empty();
    if candidates.iter().any(|ty| nameless(kernel, ty))
        || distilled.types().any(|ty| nameless(distilled, &ty))
    {
        return None;
    }
    if !distilled
        .types()
        .all(|ty| is_findable(&ty) && ty.name_offset() != 0)
    {
        return Some(None);
    }
    let Some(embedded) = embedded(split) else {
        return Some(None);
    };
    let only = |ty: Type<'_>| {
        let mut found = None;
        for candidate in &candidates {
            // That it is a member matters to the kernel until it has found one.
            let embedded = embedded.contains(&ty.id()) && found.is_none();
            let same_name = kernel.name(candidate) == distilled.name(&ty);
            if same_name && has_right_size(kernel, &ty, candidate) && fits(&ty, candidate, embedded)
            {
                if found.is_some() {
                    return None;
                }
                found = Some(candidate.id());
            }
        }
        found
    };
    Some(distilled.types().map(only).collect())
}

/// Whether the sizes are the same, where they must be.
fn has_right_size(kernel: &Btf<'_>, ty: &Type<'_>, candidate: &Type<'_>) -> bool {
    let mut others = kernel
        .types()
        .filter(|other| is_composite(other) && other.name_offset() == candidate.name_offset());
    let matters = match candidate.kind() {
        Kind::FWD => false,
        Kind::STRUCT | Kind::UNION => others.nth(1).is_some(),
        _ => true,
    };
    let size = |ty: &Type<'_>| ty.size().unwrap_or(0) & 0x7fff_ffff;
    !matters || size(ty) == size(candidate)
}

fn is_composite(ty: &Type<'_>) -> bool {
    matches!(ty.kind(), Kind::STRUCT | Kind::UNION)
}

fn is_findable(ty: &Type<'_>) -> bool {
    is_composite(ty) || matches!(ty.kind(), Kind::INT | Kind::FLOAT | Kind::ENUM | Kind::FWD)
}

fn fits(ty: &Type<'_>, candidate: &Type<'_>, embedded: bool) -> bool {
    let flag = candidate.info().kind_flag();
    match (ty.kind(), candidate.kind()) {
        (Kind::INT, Kind::INT) => ty.int().unwrap().encoding == candidate.int().unwrap().encoding,
        (Kind::FLOAT, Kind::FLOAT) | (Kind::ENUM, Kind::ENUM | Kind::ENUM64) => true,
        // Any other kind would do, too: the kernel compares names and sizes.
        (Kind::STRUCT | Kind::UNION, _) => {
            !embedded || candidate.size().unwrap_or(0) == ty.size().unwrap_or(0)
        }
        (Kind::FWD, Kind::FWD) => flag == ty.info().kind_flag(),
        (Kind::FWD, Kind::STRUCT) => !flag,
        (Kind::FWD, Kind::UNION) => flag,
        _ => false,
    }
}

/// The structs and unions that members of `split` bring with them; none if a member leads nowhere or in a circle.
fn embedded(split: &Btf<'_>) -> Option<HashSet<TypeId>> {
    let mut all = HashSet::new();
    for member in split.types().flat_map(|ty| ty.members()) {
        let mut id = member.ty;
        let mut seen = HashSet::new();
        while id != TypeId::VOID {
            if !seen.insert(id) {
                return None;
            }
            let ty = split.get(id)?;
            id = match (ty.kind(), ty.array()) {
                (kind, _) if kind.is_modifier() => ty.target()?,
                (_, Some(array)) => array.element,
                _ => {
                    if is_composite(&ty) {
                        all.insert(id);
                    }
                    break;
                }
            };
        }
    }
    Some(all)
}
