// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is asked of a kernel's BTF: the layout, and whether it fills in implicit arguments.

use btf_core::{Btf, IntEncoding, Kind, Linkage, Param, RawMember, TypeId, Writer};
use verifier_fixup::layout::{Layout, LayoutErrorKind, Of, FACTS};
use verifier_fixup::native::{check_kernel, check_pair, NativeError};

/// A BTF made by `fill`.
fn btf(fill: impl FnOnce(&mut Writer<'_>) -> Result<(), btf_core::Error>) -> Vec<u8> {
    let mut out = vec![0; 9000];
    let mut writer = Writer::new(&mut out);
    fill(&mut writer).unwrap();
    writer.finish().unwrap().to_vec()
}

/// Every struct that a layout asks for, its members 8 bytes apart, without the fact `left_out`.
fn kernel(left_out: Option<usize>) -> Vec<u8> {
    btf(|writer| {
        let word = writer.push_int(b"int", 4, IntEncoding::UNSIGNED)?;
        let long = writer.push_int(b"long", 8, IntEncoding::UNSIGNED)?;
        let mut structures: Vec<_> = FACTS.iter().map(|fact| fact.structure).collect();
        structures.dedup();
        for structure in structures {
            let mut members = Vec::new();
            for (index, fact) in FACTS.iter().enumerate() {
                let (name, ty) = match fact.of {
                    Of::Sized(name, 4) => (name, word),
                    Of::Member(name) | Of::Sized(name, _) | Of::EitherMember(_, name) => {
                        (name, long)
                    }
                    Of::Size => continue,
                };
                if fact.structure == structure && left_out != Some(index) {
                    members.push(RawMember {
                        name: writer.name(name.as_bytes())?,
                        ty,
                        bit_offset: 64 * u32::try_from(members.len()).unwrap(),
                        bitfield_size: 0,
                    });
                }
            }
            let size = 8 * u32::try_from(members.len()).unwrap();
            writer.push_composite(Kind::STRUCT, structure.as_bytes(), size, &members)?;
        }
        Ok(())
    })
}

#[test]
fn a_layout_is_read_and_compared() {
    let data = kernel(None);
    let layout = Layout::of_kernel(&Btf::parse(&data).unwrap()).unwrap();
    assert_eq!(
        (layout.prog_aux, layout.aux_name, layout.kprobe_size),
        (0, 32, 24)
    );
    assert_eq!(layout.check(&layout), Ok(()));

    let other = Layout {
        aux_kfunc_tab: layout.aux_kfunc_tab + 8,
        ..layout
    };
    let error = layout.check(&other).unwrap_err();
    assert_eq!(
        error.to_string(),
        "struct bpf_prog_aux, member kfunc_tab: built for 48, this kernel has 56"
    );
}

#[test]
fn a_missing_member_is_named() {
    for (index, fact) in FACTS.iter().enumerate() {
        if fact.of == Of::Size {
            continue;
        }
        let data = kernel(Some(index));
        let error = Layout::of_kernel(&Btf::parse(&data).unwrap()).unwrap_err();
        assert_eq!(
            (error.fact, error.kind),
            (*fact, LayoutErrorKind::NoSuchMember)
        );
    }
}

#[test]
fn a_missing_or_ambiguous_struct_is_named() {
    let empty = btf(|_| Ok(()));
    let error = Layout::of_kernel(&Btf::parse(&empty).unwrap()).unwrap_err();
    assert_eq!(error.kind, LayoutErrorKind::NoSuchStruct);
    let twice = btf(|writer| {
        writer.push_opaque(Kind::STRUCT, b"bpf_prog", 8)?;
        writer.push_opaque(Kind::STRUCT, b"bpf_prog", 16)?;
        Ok(())
    });
    let error = Layout::of_kernel(&Btf::parse(&twice).unwrap()).unwrap_err();
    assert_eq!(error.kind, LayoutErrorKind::AmbiguousStruct);
}

/// A kernel with `bpf_wq_set_callback` and its full form, which takes `extra` more.
fn kernel_with_pair(
    extra: impl FnOnce(&mut Writer<'_>) -> Result<Vec<TypeId>, btf_core::Error>,
) -> Vec<u8> {
    btf(|writer| {
        let int = writer.push_int(b"int", 4, IntEncoding::SIGNED)?;
        let param = |ty| Param { name: 0, ty };
        let public = writer.push_func_proto(int, &[param(int)])?;
        writer.push_func(b"bpf_wq_set_callback", public, Linkage::STATIC)?;
        let extra = extra(writer)?;
        let params: Vec<_> = std::iter::once(int).chain(extra).map(param).collect();
        let full = writer.push_func_proto(int, &params)?;
        writer.push_func(b"bpf_wq_set_callback_impl", full, Linkage::STATIC)?;
        Ok(())
    })
}

fn pointer_to(writer: &mut Writer<'_>, name: &[u8]) -> Result<TypeId, btf_core::Error> {
    let structure = writer.push_opaque(Kind::STRUCT, name, 8)?;
    let constant = writer.push_reference(Kind::CONST, structure)?;
    writer.push_reference(Kind::PTR, constant)
}

#[test]
fn a_kernel_that_fills_in_the_aux_is_recognised() {
    let data = kernel_with_pair(|writer| Ok(vec![pointer_to(writer, b"bpf_prog_aux")?]));
    let kernel = Btf::parse(&data).unwrap();
    assert_eq!(check_kernel(&kernel), Ok(()));
    let missing = check_pair(&kernel, b"bpf_wq_set_callback", b"bpf_other_impl");
    assert_eq!(missing, Err(NativeError::NoPair));
}

#[test]
fn nothing_but_one_aux_at_the_end_is_native() {
    type Extra = fn(&mut Writer<'_>) -> Result<Vec<TypeId>, btf_core::Error>;
    let refused: [Extra; 5] = [
        |_| Ok(vec![]),
        |_| Ok(vec![TypeId(1)]),
        |writer| Ok(vec![pointer_to(writer, b"bpf_prog")?]),
        |writer| {
            Ok(vec![writer.push_opaque(
                Kind::STRUCT,
                b"bpf_prog_aux",
                8,
            )?])
        },
        |writer| Ok(vec![pointer_to(writer, b"bpf_prog_aux")?; 2]),
    ];
    for extra in refused {
        let data = kernel_with_pair(extra);
        let kernel = Btf::parse(&data).unwrap();
        assert_eq!(check_kernel(&kernel), Err(NativeError::KernelWithout));
        let pair = check_pair(&kernel, b"bpf_wq_set_callback", b"bpf_wq_set_callback_impl");
        assert_eq!(pair, Err(NativeError::NotProgAux));
    }
}
