// SPDX-License-Identifier: MIT OR Apache-2.0

//! Structs, unions, enums and declarations of several units.

use btf_core::{dedup_room, Amended, Btf, Enumerator, Kind, RawMember, SortKey, TypeId, Writer};

use crate::LEN;

/// A type by its kind, name, and what it refers to by place, counted from 1: types of a base keep their ids.
type Told = (Kind, String, Vec<u32>);

/// What is left of what `fill` writes, in order.
fn left(fill: impl FnOnce(&mut Unit<'_, '_>)) -> Vec<Told> {
    left_over(None, fill, false)
}

fn left_over(
    base: Option<&Btf<'_>>,
    fill: impl FnOnce(&mut Unit<'_, '_>),
    sorted: bool,
) -> Vec<Told> {
    let (mut input, mut nothing, mut out) = ([0; LEN], [0; LEN], [0; LEN]);
    let mut writer = match base {
        Some(base) => Writer::split(&mut input, base),
        None => Writer::new(&mut input),
    };
    fill(&mut Unit(&mut writer));
    let data = writer.finish().unwrap();
    let input = match base {
        Some(base) => Btf::parse_split(data, base).unwrap(),
        None => Btf::parse(data).unwrap(),
    };
    let data = Writer::split(&mut nothing, &input).finish().unwrap();
    let added = Btf::parse_split(data, &input).unwrap();
    let amended = Amended::new(&added, &[]).unwrap();
    let mut room = vec![0xdead_beef; dedup_room(&amended)];
    let mut keys = vec![SortKey::default(); 2 * amended.own_len() as usize];
    let mut writer = match base {
        Some(base) => Writer::split(&mut out, base),
        None => Writer::new(&mut out),
    };
    let order = sorted.then(|| amended.sorted_by_name(&mut keys).unwrap());
    let deduplicated = writer.deduplicate(&amended, &mut room).unwrap();
    deduplicated.push(order).unwrap();
    let data = writer.finish().unwrap();
    let btf = match base {
        Some(base) => Btf::parse_split(data, base).unwrap(),
        None => Btf::parse(data).unwrap(),
    };
    let told = btf.types().map(|ty| {
        let name = String::from_utf8(btf.name(&ty).to_vec()).unwrap();
        let members = ty.members().map(|member| member.ty.0);
        let target = ty.target().map(|target| target.0);
        (ty.kind(), name, target.into_iter().chain(members).collect())
    });
    told.collect()
}

/// Writes types in few words.
struct Unit<'u, 'b>(&'u mut Writer<'b>);

impl Unit<'_, '_> {
    fn next(&self) -> TypeId {
        self.0.next_id()
    }

    fn after(&self, types: u32) -> TypeId {
        TypeId(self.next().0 + types)
    }

    fn pointer(&mut self, to: TypeId) -> TypeId {
        self.0.push_reference(Kind::PTR, to).unwrap()
    }

    fn forward(&mut self, name: &str) -> TypeId {
        self.0.push_fwd(Kind::STRUCT, name.as_bytes()).unwrap()
    }

    /// A struct of pointers.
    fn composite(&mut self, name: &str, members: &[(&str, TypeId)]) -> TypeId {
        let members: Vec<_> = (0..)
            .zip(members)
            .map(|(place, (name, ty))| RawMember {
                name: self.0.name(name.as_bytes()).unwrap(),
                ty: *ty,
                bit_offset: 64 * place,
                bitfield_size: 0,
            })
            .collect();
        let size = 8 * members.len() as u32;
        let pushed = self
            .0
            .push_composite(Kind::STRUCT, name.as_bytes(), size, &members);
        pushed.unwrap()
    }

    fn enumeration(&mut self, name: &str, values: &[&str]) -> TypeId {
        let values: Vec<_> = (0..)
            .zip(values)
            .map(|(value, name)| Enumerator {
                name: self.0.name(name.as_bytes()).unwrap(),
                value,
            })
            .collect();
        let pushed = self
            .0
            .push_enum(Kind::ENUM, name.as_bytes(), 4, false, &values);
        pushed.unwrap()
    }

    /// struct a { struct b *b; }; struct b { struct a *a; };
    fn circle(&mut self) {
        let (pointer_to_b, b) = (self.after(1), self.after(2));
        self.composite("a", &[("b", pointer_to_b)]);
        self.pointer(b);
        let pointer_to_a = self.after(1);
        self.composite("b", &[("a", pointer_to_a)]);
        let a = TypeId(self.next().0 - 3);
        self.pointer(a);
    }
}

fn told(kind: Kind, name: &str, refers: &[u32]) -> Told {
    (kind, name.to_owned(), refers.to_vec())
}

#[test]
fn structs_that_refer_to_each_other_become_one_of_each() {
    let once = left(|unit| unit.circle());
    let twice = left(|unit| {
        unit.circle();
        unit.circle();
    });
    assert_eq!(once.len(), 4);
    assert_eq!(once, twice);
}

#[test]
fn structs_of_one_shape_that_lead_elsewhere_stay() {
    let types = left(|unit| {
        for of in ["x", "y"] {
            let end = unit.composite(of, &[]);
            let pointer = unit.pointer(end);
            unit.composite("a", &[("to", pointer)]);
        }
    });
    assert_eq!(types.len(), 6);
}

#[test]
fn a_declaration_becomes_what_it_declares() {
    let types = left(|unit| {
        // struct b; struct a { struct b *b; }, and then with struct b in full.
        let forward = unit.forward("b");
        let pointer = unit.pointer(forward);
        unit.composite("a", &[("b", pointer)]);
        let full = unit.composite("b", &[]);
        let pointer = unit.pointer(full);
        unit.composite("a", &[("b", pointer)]);
    });
    let expected = [
        told(Kind::PTR, "", &[3]),
        told(Kind::STRUCT, "a", &[1]),
        told(Kind::STRUCT, "b", &[]),
    ];
    assert_eq!(types, expected);
}

#[test]
fn a_declaration_alone_is_resolved_by_its_name_if_there_is_one_of_it() {
    let one = left(|unit| {
        let forward = unit.forward("b");
        unit.pointer(forward);
        unit.composite("b", &[]);
    });
    assert_eq!(
        one,
        [told(Kind::PTR, "", &[2]), told(Kind::STRUCT, "b", &[])]
    );
    let two = left(|unit| {
        let forward = unit.forward("b");
        let pointer = unit.pointer(forward);
        unit.composite("b", &[]);
        unit.composite("b", &[("more", pointer)]);
    });
    assert!(two.contains(&told(Kind::FWD, "b", &[])), "{two:?}");
    let union = left(|unit| {
        let forward = unit.0.push_fwd(Kind::UNION, b"b").unwrap();
        unit.pointer(forward);
        unit.composite("b", &[]);
    });
    assert_eq!(union.len(), 3);
}

#[test]
fn an_enum_that_is_only_declared_becomes_the_one_with_values() {
    for order in [[&[][..], &["A", "B"]], [&["A", "B"], &[]]] {
        let types = left(|unit| {
            for values in order {
                let of = unit.enumeration("e", values);
                unit.pointer(of);
            }
        });
        let kinds: Vec<_> = types.iter().map(|(kind, ..)| *kind).collect();
        let pointers = kinds.iter().filter(|kind| **kind == Kind::PTR).count();
        assert_eq!((kinds.len(), pointers), (2, 1), "{types:?}");
    }
}

#[test]
fn what_the_base_has_is_left_out() {
    let mut out = [0; LEN];
    let mut writer = Writer::new(&mut out);
    Unit(&mut writer).circle();
    let base = Btf::parse(writer.finish().unwrap()).unwrap();
    let fill = |unit: &mut Unit<'_, '_>| {
        let own = unit.after(4);
        unit.circle();
        unit.composite("own", &[("a", TypeId(own.0 - 1))]);
    };
    // The pointer to a.
    let expected = [told(Kind::STRUCT, "own", &[4])];
    assert_eq!(left_over(Some(&base), fill, false), expected);
    assert_eq!(left_over(Some(&base), fill, true), expected);
}

#[test]
fn a_declaration_of_the_base_stays_what_it_is() {
    let mut out = [0; LEN];
    let mut writer = Writer::new(&mut out);
    let mut unit = Unit(&mut writer);
    let forward = unit.forward("b");
    let pointer = unit.pointer(forward);
    unit.composite("a", &[("b", pointer)]);
    let base = Btf::parse(writer.finish().unwrap()).unwrap();
    let types = left_over(
        Some(&base),
        |unit| {
            let full = unit.composite("b", &[]);
            let pointer = unit.pointer(full);
            unit.composite("a", &[("b", pointer)]);
        },
        false,
    );
    // The module's a is not that of the base, whose b is none.
    let expected = [
        told(Kind::STRUCT, "b", &[]),
        told(Kind::PTR, "", &[4]),
        told(Kind::STRUCT, "a", &[5]),
    ];
    assert_eq!(types, expected);
}

#[test]
fn types_come_in_the_order_of_their_names_if_that_is_asked_for() {
    let types = left_over(
        None,
        |unit| {
            unit.composite("z", &[]);
            unit.composite("a_long_name_b", &[]);
            unit.composite("a_long_name_a", &[]);
            unit.pointer(TypeId(1));
            unit.composite("z", &[]);
        },
        true,
    );
    let expected = [
        told(Kind::PTR, "", &[4]),
        told(Kind::STRUCT, "a_long_name_a", &[]),
        told(Kind::STRUCT, "a_long_name_b", &[]),
        told(Kind::STRUCT, "z", &[]),
    ];
    assert_eq!(types, expected);
}
