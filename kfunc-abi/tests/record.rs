// SPDX-License-Identifier: MIT OR Apache-2.0

//! From a declaration to its record, and from a record, good or damaged, to what it says.

use kfunc_abi::call::MAX_REGISTER_ARGS;
use kfunc_abi::record::{
    records, Encoded, Field, Record, RecordErrorKind, Tag, TypeStep, HEADER_LEN,
};
use kfunc_abi::{
    Annotation, AsC, CType, Decl, Delivery, KfuncFlags, Kind, MemberDecl, ParamDecl, Passed,
    ProgType, TypeBody, TypeDecl,
};

/// A struct of the module.
struct Own;

impl AsC for Own {
    const C_TYPE: CType = CType::Module {
        kind: Kind::STRUCT,
        name: "own",
        size: 24,
    };
}

const DECL: Decl = Decl {
    name: "foo",
    doc: " Adds.\n",
    set: "SUMS",
    flags: KfuncFlags::RCU,
    delivery: Delivery::Bound { slots: 4 },
    legacy: true,
    prog_types: &[ProgType::XDP, ProgType::SYSCALL],
    return_type: <u32 as AsC>::C_TYPE,
    params: &[
        ParamDecl {
            name: "delta",
            ty: <u64 as AsC>::C_TYPE,
            passed: Passed::ByProgram(Some(Annotation::Constant)),
        },
        ParamDecl {
            name: "data",
            ty: <*mut () as AsC>::C_TYPE,
            passed: Passed::AsMemory {
                pointer: None,
                length: Annotation::MemLen,
            },
        },
        ParamDecl {
            name: "own",
            ty: <*const Own as AsC>::C_TYPE,
            passed: Passed::Implicitly,
        },
    ],
};

/// Bytes of a record, put together by the documented tables.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn field(&mut self, tag: u16, content: &[u8]) {
        self.0.extend(tag.to_le_bytes());
        self.0.extend((content.len() as u16).to_le_bytes());
        self.0.extend(content);
    }

    /// A record of this kind with `words` before the body.
    fn record(self, kind: u8, words: &[u32]) -> Vec<u8> {
        let start = HEADER_LEN + 4 * words.len() + 4;
        let size = (start + self.0.len()).next_multiple_of(8);
        let mut bytes = vec![b'K', b'F', b'N', b'C', 2, 0, kind, 0];
        bytes.extend((size as u32).to_le_bytes());
        bytes.extend([0; 4]);
        for word in words.iter().copied().chain([self.0.len() as u32]) {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(self.0);
        bytes.resize(size, 0);
        bytes
    }
}

/// A name inside of a field.
fn name(name: &str) -> Vec<u8> {
    [&(name.len() as u16).to_le_bytes(), name.as_bytes()].concat()
}

fn typedef(of: &str) -> Vec<u8> {
    [&[3, Kind::TYPEDEF.0], &name(of)[..]].concat()
}

/// A parameter: implicit, annotation, name, type.
fn param(implicit: u8, annotation: u8, called: &str, ty: &[u8]) -> Vec<u8> {
    [&[implicit, annotation], &name(called)[..], ty].concat()
}

fn body() -> Bytes {
    let own = [&[1, 2, 4, Kind::STRUCT.0, 24, 0, 0, 0], &name("own")[..]].concat();
    let mut body = Bytes::default();
    body.field(1, b"foo");
    body.field(2, &typedef("u32"));
    body.field(3, &param(0, 3, "delta", &typedef("u64")));
    body.field(3, &param(0, 0, "data", &[1, 0]));
    body.field(3, &param(0, 1, "data", &typedef("u64")));
    body.field(3, &param(1, 0, "own", &own));
    body.field(4, &[6, 0, 0, 0, 31, 0, 0, 0]);
    body.field(0x8001, b" Adds.\n");
    body.field(0x8002, b"SUMS");
    body
}

const WORDS: [u32; 5] = [0, 0, KfuncFlags::RCU.bits(), 4, 1];

fn record_bytes() -> Vec<u8> {
    body().record(1, &WORDS)
}

fn error_of(bytes: &[u8]) -> Option<RecordErrorKind> {
    records(bytes).find_map(Result::err).map(|error| error.kind)
}

#[test]
fn a_record_says_what_was_declared() {
    let bytes = record_bytes();
    let read: Vec<_> = records(&bytes).collect();
    let [Ok(Record::Kfunc(kfunc))] = &read[..] else {
        panic!("{read:?}");
    };
    assert_eq!(
        (kfunc.name, kfunc.doc, kfunc.set),
        ("foo", " Adds.\n", "SUMS")
    );
    assert_eq!((kfunc.flags, kfunc.slots), (KfuncFlags::RCU, 4));
    assert_eq!((kfunc.legacy, kfunc.native), (true, false));
    assert_eq!((kfunc.explicit, kfunc.params), (3, 4));
    let programs: Vec<_> = kfunc.prog_types().collect();
    assert_eq!(programs, [ProgType::XDP, ProgType::SYSCALL]);
    let named = |kind, name| TypeStep::Kernel { kind, name };
    assert_eq!(kfunc.return_type().next(), Ok(named(Kind::TYPEDEF, "u32")));
    let params: Vec<_> = kfunc.params().collect();
    let said: Vec<_> = params
        .iter()
        .map(|param| (param.name, param.annotation, param.implicit))
        .collect();
    assert_eq!(
        said,
        [
            ("delta", Some(Annotation::Constant), false),
            ("data", None, false),
            ("data", Some(Annotation::MemLen), false),
            ("own", None, true),
        ]
    );
    let mut own = params[3].ty;
    assert_eq!(own.next(), Ok(TypeStep::Around(Kind::PTR)));
    assert_eq!(own.next(), Ok(TypeStep::Around(Kind::CONST)));
    let struct_own = TypeStep::Module {
        kind: Kind::STRUCT,
        name: "own",
        size: 24,
    };
    assert_eq!(own.next(), Ok(struct_own));
}

#[test]
fn a_declaration_is_encoded_as_documented() {
    const ENCODED: Encoded = Encoded::kfunc(&DECL, MAX_REGISTER_ARGS);
    assert_eq!(ENCODED.bytes(), body().0);
    let head = kfunc_abi::kfunc_record!(DECL, MAX_REGISTER_ARGS);
    assert_eq!((head.btf_id(), head.impl_btf_id()), (None, None));
    assert_eq!(head.flags(), KfuncFlags::RCU);
}

/// Who passes a parameter: three ways, and no fourth.
#[test]
fn a_call_site_is_told_apart() {
    const SITE: Decl = Decl {
        legacy: false,
        params: &[ParamDecl {
            name: "site",
            ty: <u64 as AsC>::C_TYPE,
            passed: Passed::AsCallSite,
        }],
        ..DECL
    };
    let encoded = Encoded::kfunc(&SITE, MAX_REGISTER_ARGS);
    let bytes = Bytes(encoded.bytes().to_vec()).record(1, &WORDS);
    let Some(Ok(Record::Kfunc(kfunc))) = records(&bytes).next() else {
        panic!("no kfunc");
    };
    let site = kfunc.params().next().unwrap();
    assert!(site.implicit && site.call_site);

    let mut body = body();
    body.field(3, &param(3, 0, "site", &typedef("u64")));
    let error = error_of(&body.record(1, &WORDS));
    assert_eq!(error, Some(RecordErrorKind::UnknownPassed(3)));
}

/// Every code of a type, walked and encoded.
#[test]
fn types_are_walked_from_left_to_right() {
    const TYPE: CType = <unsafe extern "C" fn(*const u8, [u16; 3]) -> i32 as AsC>::C_TYPE;
    const TAGGED: CType = CType::TypeTag {
        tag: "rcu",
        inner: &CType::Volatile(&CType::Restrict(&TYPE)),
    };
    const TYPEDEF: TypeDecl = TypeDecl {
        name: "handler",
        size: 8,
        body: TypeBody::Typedef(TAGGED),
    };
    let encoded = Encoded::type_decl(&TYPEDEF);
    let bytes = Bytes(encoded.bytes().to_vec()).record(3, &[u32::from(Kind::TYPEDEF.0), 8, 0]);
    let Some(Ok(Record::Type(read))) = records(&bytes).next() else {
        panic!("no type");
    };
    assert_eq!(
        (read.name, read.kind, read.size),
        ("handler", Kind::TYPEDEF, 8)
    );
    let Some(Field::Target(mut ty)) = read.fields().next() else {
        panic!("no target");
    };
    let around = TypeStep::Around;
    let named = |name| TypeStep::Kernel {
        kind: Kind::TYPEDEF,
        name,
    };
    for step in [
        TypeStep::Tag("rcu"),
        around(Kind::VOLATILE),
        around(Kind::RESTRICT),
        around(Kind::PTR),
        TypeStep::Function(2),
        named("s32"),
        around(Kind::PTR),
        around(Kind::CONST),
        named("u8"),
        TypeStep::Array(3),
        named("u16"),
    ] {
        assert_eq!(ty.next(), Ok(step));
    }
    assert!(ty.next().is_err(), "the type goes on");
}

#[test]
fn types_of_the_module_have_their_parts() {
    const MEMBERS: TypeDecl = TypeDecl {
        name: "pair",
        size: 16,
        body: TypeBody::Struct(&[
            MemberDecl {
                name: "first",
                ty: <u64 as AsC>::C_TYPE,
                offset: 0,
            },
            MemberDecl {
                name: "second",
                ty: <u32 as AsC>::C_TYPE,
                offset: 8,
            },
        ]),
    };
    const VALUES: TypeDecl = TypeDecl {
        name: "mode",
        size: 4,
        body: TypeBody::Enum(&[("OFF", 0), ("BAD", -1)], true),
    };
    let encoded = |decl, kind: Kind, signed| {
        Bytes(Encoded::type_decl(decl).bytes().to_vec())
            .record(3, &[u32::from(kind.0), decl.size, signed])
    };
    let bytes = [
        encoded(&MEMBERS, Kind::STRUCT, 0),
        encoded(&VALUES, Kind::ENUM, 1),
    ]
    .concat();
    let read: Vec<_> = records(&bytes).collect();
    let [Ok(Record::Type(pair)), Ok(Record::Type(mode))] = &read[..] else {
        panic!("{read:?}");
    };
    let members = pair.fields().map(|field| match field {
        Field::Member { name, offset, .. } => (name, offset),
        other => panic!("{other:?}"),
    });
    assert_eq!(members.collect::<Vec<_>>(), [("first", 0), ("second", 8)]);
    let values = mode.fields().map(|field| match field {
        Field::Value { name, value } => (name, value),
        other => panic!("{other:?}"),
    });
    assert_eq!(values.collect::<Vec<_>>(), [("OFF", 0), ("BAD", -1)]);
    assert!(mode.signed && !pair.signed);
}

#[test]
fn an_unknown_field_is_skipped_only_if_it_is_optional() {
    let mut optional = body();
    optional.field(0x9999, b"who knows");
    let bytes = optional.record(1, &WORDS);
    let Some(Ok(Record::Kfunc(kfunc))) = records(&bytes).next() else {
        panic!("{:?}", error_of(&bytes));
    };
    assert_eq!(kfunc.params().count(), 4);

    let mut required = body();
    required.field(0x1999, b"who knows");
    let bytes = required.record(1, &WORDS);
    assert_eq!(
        error_of(&bytes),
        Some(RecordErrorKind::UnknownField(0x1999))
    );
}

#[test]
fn damage_is_named() {
    let with = |offset: usize, byte: u8| {
        let mut bytes = record_bytes();
        bytes[offset] = byte;
        error_of(&bytes)
    };
    assert!(matches!(with(0, 0), Some(RecordErrorKind::InvalidMagic(_))));
    assert_eq!(with(4, 1), Some(RecordErrorKind::UnsupportedVersion(1)));
    assert_eq!(with(6, 9), Some(RecordErrorKind::UnknownKind(9)));
    assert_eq!(with(8, 255), Some(RecordErrorKind::Truncated));
    assert_eq!(with(36, 1), Some(RecordErrorKind::Truncated));
    assert_eq!(with(44, 0xff), Some(RecordErrorKind::InvalidName));
    // The return type, and the annotation of the first parameter.
    assert_eq!(with(51, 77), Some(RecordErrorKind::UnknownTypeOp(77)));
    assert_eq!(with(63, 77), Some(RecordErrorKind::UnknownAnnotation(77)));

    let broken = |change: fn(&mut Bytes)| {
        let mut body = body();
        change(&mut body);
        error_of(&body.record(1, &WORDS))
    };
    let explicit = |body: &mut Bytes| body.field(3, &param(0, 0, "late", &[1, 0]));
    assert_eq!(
        broken(explicit),
        Some(RecordErrorKind::ExplicitAfterImplicit)
    );
    let trailing = |body: &mut Bytes| body.field(3, &param(1, 0, "more", &[0, 0]));
    assert_eq!(broken(trailing), Some(RecordErrorKind::TrailingBytes));
    let deep = |body: &mut Bytes| body.field(2, &[1; 100]);
    assert_eq!(broken(deep), Some(RecordErrorKind::TypeTooLong));

    let nameless = Bytes::default().record(1, &WORDS);
    assert_eq!(
        error_of(&nameless),
        Some(RecordErrorKind::MissingField(Tag::NAME))
    );
    let mut only_name = Bytes::default();
    only_name.field(1, b"foo");
    assert_eq!(
        error_of(&only_name.record(1, &WORDS)),
        Some(RecordErrorKind::MissingField(Tag::RETURN))
    );
}

#[test]
fn no_damage_leads_to_a_panic() {
    let good = record_bytes();
    let read = |bytes: &[u8]| {
        for record in records(bytes).flatten() {
            match record {
                Record::Kfunc(kfunc) => {
                    let _ = kfunc.params().map(|mut param| param.ty.next()).count();
                    let _ = kfunc.prog_types().count();
                }
                Record::Type(ty) => drop(ty.fields().count()),
                Record::Layout(_) => {}
            }
        }
    };
    for len in 1..good.len() {
        assert!(
            records(&good[..len]).any(|record| record.is_err()),
            "cut to {len} bytes"
        );
        read(&good[..len]);
    }
    for at in HEADER_LEN - 10..good.len() {
        for value in [0, 1, 2, 3, 4, 9, 0x7f, 0xff] {
            let mut bytes = good.clone();
            bytes[at] = value;
            read(&bytes);
        }
    }
}
