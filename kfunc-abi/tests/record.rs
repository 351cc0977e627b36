// SPDX-License-Identifier: MIT OR Apache-2.0

//! From a declaration to its record, and from a record, good or damaged, to what it says.

use kfunc_abi::record::{records, EncodedDecl, Record, RecordErrorKind, TypeStep, HEADER_LEN};
use kfunc_abi::{AsC, CType, Decl, KfuncFlags, Kind, ParamDecl};

/// A program's aux, as `kernel-glue` has it.
struct ProgAux;

impl AsC for ProgAux {
    const C_TYPE: CType = CType::Pointer(&CType::Kernel {
        kind: Kind::STRUCT,
        name: "bpf_prog_aux",
    });
}

/// A struct of the module.
struct Own;

impl AsC for Own {
    const C_TYPE: CType = CType::Module {
        name: "own",
        size: 24,
    };
}

const DECL: Decl = Decl {
    name: "foo",
    flags: KfuncFlags::RCU,
    slots: 4,
    return_type: <u32 as AsC>::C_TYPE,
    params: &[
        ParamDecl {
            name: "delta",
            ty: <u64 as AsC>::C_TYPE,
            implicit: false,
        },
        ParamDecl {
            name: "aux",
            ty: ProgAux::C_TYPE,
            implicit: true,
        },
        ParamDecl {
            name: "own",
            ty: <*const Own as AsC>::C_TYPE,
            implicit: true,
        },
    ],
};

/// The bytes of the record of [`DECL`], put together by the documented table.
fn record_bytes() -> Vec<u8> {
    let mut body = Vec::new();
    let name = |body: &mut Vec<u8>, name: &str| {
        body.push(name.len() as u8);
        body.extend(name.as_bytes());
    };
    name(&mut body, "foo");
    body.extend([3, Kind::TYPEDEF.0]);
    name(&mut body, "u32");
    name(&mut body, "delta");
    body.extend([3, Kind::TYPEDEF.0]);
    name(&mut body, "u64");
    name(&mut body, "aux");
    body.extend([1, 3, Kind::STRUCT.0]);
    name(&mut body, "bpf_prog_aux");
    name(&mut body, "own");
    body.extend([1, 2, 4, 24, 0, 0, 0]);
    name(&mut body, "own");

    let size = (32 + body.len()).next_multiple_of(8);
    let mut bytes = b"KFNC\x01\x00\x01\x00".to_vec();
    bytes.extend((size as u32).to_le_bytes());
    bytes.extend([0; 8]);
    bytes.extend(KfuncFlags::RCU.bits().to_le_bytes());
    bytes.extend(4_u32.to_le_bytes());
    bytes.extend([3, 1]);
    bytes.extend((body.len() as u16).to_le_bytes());
    bytes.extend(&body);
    bytes.resize(size, 0);
    bytes
}

#[test]
fn a_record_says_what_was_declared() {
    let bytes = record_bytes();
    let read: Vec<_> = records(&bytes).collect();
    let [Ok(Record::Kfunc(kfunc))] = &read[..] else {
        panic!("{read:?}");
    };
    assert_eq!(
        (kfunc.name, kfunc.flags, kfunc.slots),
        ("foo", KfuncFlags::RCU, 4)
    );
    assert_eq!((kfunc.explicit, kfunc.params), (1, 3));
    let named = |kind, name| TypeStep::Kernel { kind, name };
    assert_eq!(kfunc.return_type().next(), Ok(named(Kind::TYPEDEF, "u32")));
    let params: Vec<_> = kfunc.params().collect();
    assert_eq!(
        params.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ["delta", "aux", "own"]
    );
    let (_, mut own) = params[2];
    assert_eq!(own.next(), Ok(TypeStep::Around(Kind::PTR)));
    assert_eq!(own.next(), Ok(TypeStep::Around(Kind::CONST)));
    assert_eq!(
        own.next(),
        Ok(TypeStep::Module {
            name: "own",
            size: 24
        })
    );
}

#[test]
fn a_declaration_is_encoded_as_documented() {
    let body_len = u16::from_le_bytes([record_bytes()[30], record_bytes()[31]]);
    assert_eq!(EncodedDecl::new(&DECL).len(), usize::from(body_len));
    let head = kfunc_abi::kfunc_record!(DECL);
    assert_eq!((head.btf_id(), head.flags()), (None, KfuncFlags::RCU));
}

#[test]
fn damage_is_named() {
    let with = |offset: usize, byte: u8| {
        let mut bytes = record_bytes();
        bytes[offset] = byte;
        let error = records(&bytes).find_map(Result::err);
        error.map(|error| error.kind)
    };
    assert!(matches!(with(0, 0), Some(RecordErrorKind::InvalidMagic(_))));
    assert_eq!(with(4, 2), Some(RecordErrorKind::UnsupportedVersion(2)));
    assert_eq!(with(6, 9), Some(RecordErrorKind::UnknownKind(9)));
    assert_eq!(with(8, 255), Some(RecordErrorKind::Truncated));
    assert_eq!(with(28, 4), Some(RecordErrorKind::Truncated));
    assert_eq!(with(36, 77), Some(RecordErrorKind::UnknownTypeOp(77)));
    assert_eq!(with(33, 0xff), Some(RecordErrorKind::InvalidName));
}

#[test]
fn no_damage_leads_to_a_panic() {
    let good = record_bytes();
    let read = |bytes: &[u8]| {
        for record in records(bytes).flatten() {
            if let Record::Kfunc(kfunc) = record {
                let _ = kfunc.params().map(|(_, mut ty)| ty.next()).count();
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
    for at in HEADER_LEN - 8..good.len() {
        for value in [0, 1, 2, 3, 4, 0x7f, 0xff] {
            let mut bytes = good.clone();
            bytes[at] = value;
            read(&bytes);
        }
    }
}
