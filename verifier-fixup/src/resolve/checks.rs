// SPDX-License-Identifier: MIT OR Apache-2.0

//! The checks of a call, one function for each of the kernel's, in their order.

use btf_core::{Btf, Kind, Type, TypeId};
use kfunc_abi::model::FuncModel;
use kfunc_abi::{KfuncFlags, Signature, SignatureErrorKind, IMPL_SUFFIX};

use super::{Bound, Call, Fd, Kernel, KfuncBtf, Program, RefusalKind, Rules};

/// What is asked before the kfunc: `add_kfuncs` and the beginning of `bpf_add_kfunc_call`. Gives vmlinux.
pub(super) fn admit<'a>(
    kernel: &Kernel<'a>,
    program: &Program<'a>,
    call: Call,
) -> Result<KfuncBtf<'a>, RefusalKind<'a>> {
    if !program.bpf_capable {
        return Err(RefusalKind::NotCapable);
    }
    let vmlinux = kernel.vmlinux.ok_or(RefusalKind::NoVmlinux)?;
    if !program.jit_requested {
        return Err(RefusalKind::NoJit);
    }
    if !program.gpl_compatible {
        return Err(RefusalKind::NotGpl);
    }
    if call.id == 0 && call.fd_index == 0 {
        return Err(RefusalKind::Unresolved);
    }
    if kernel.rules == Rules::V7_3 && call.id <= 0 {
        return Err(RefusalKind::InvalidId);
    }
    Ok(vmlinux)
}

/// `find_kfunc_desc_btf` and what it calls.
pub(super) fn find_btf<'a>(
    rules: Rules,
    program: &Program<'a>,
    call: Call,
) -> Result<KfuncBtf<'a>, RefusalKind<'a>> {
    let Ok(index) = u16::try_from(call.fd_index) else {
        return Err(RefusalKind::NegativeIndex);
    };
    if rules == Rules::V7_3 && program.signed {
        return Err(RefusalKind::Signed);
    }
    let array = program.fd_array.ok_or(RefusalKind::NoFdArray)?;
    let counted = array.counted && rules == Rules::V7_3;
    let fd = array.fds.get(usize::from(index));
    match (fd, counted) {
        (Some(Fd::Module(module)), _) => Ok(*module),
        (Some(Fd::Going), _) => Err(RefusalKind::ModuleGoing),
        (Some(Fd::OtherBtf), _) => Err(RefusalKind::OtherBtf),
        (Some(Fd::NoBtf), false) => Err(RefusalKind::NoBtf),
        (Some(Fd::NoBtf), true) => Err(RefusalKind::NoBtfCounted),
        (None, false) => Err(RefusalKind::UnreadableIndex),
        (None, true) => Err(RefusalKind::BeyondFdArray {
            count: array.fds.len(),
        }),
    }
}

/// `fetch_kfunc_meta` of 7.3: the FUNC, and the prototypes that its flags ask for. 6.12 knows none that does.
pub(super) fn fetch<'a>(
    rules: Rules,
    btf: &'a Btf<'a>,
    call: Call,
    flags: Option<KfuncFlags>,
) -> Result<Signature<'a>, RefusalKind<'a>> {
    let func = called(btf, call).ok_or_else(|| {
        let found = btf.get(call.func());
        RefusalKind::NotAFunction(found.map(|ty| ty.kind()))
    })?;
    let heeded = match rules {
        Rules::V6_12 => KfuncFlags::empty(),
        Rules::V7_3 => flags.unwrap_or(KfuncFlags::empty()),
    };
    let name = btf.name(&func);
    Signature::of_verifier(btf, &func, heeded).map_err(|error| match error.kind {
        SignatureErrorKind::LongName => RefusalKind::LongName { name },
        SignatureErrorKind::NoFull => RefusalKind::NoFull { name },
        _ => RefusalKind::NoPrototype,
    })
}

/// The FUNC that is called.
pub(super) fn called<'a>(btf: &'a Btf<'a>, call: Call) -> Option<Type<'a>> {
    btf.get(call.func()).filter(|ty| ty.kind() == Kind::FUNC)
}

/// The end of `bpf_add_kfunc_call`: symbol, device and types. Gives the prototype by which the call is checked.
pub(super) fn add<'a>(
    kernel: &Kernel<'a>,
    program: &Program<'a>,
    call: Call,
    kfunc: &Signature<'a>,
) -> Result<Type<'a>, RefusalKind<'a>> {
    let (btf, name) = (kfunc.btf(), kfunc.name());
    if !(kernel.has_symbol)(name) {
        let public = public_of(btf, name).map(|public| btf.name(&public));
        return Err(RefusalKind::NoAddress { name, public });
    }
    let metadata = kernel.device_bound;
    if metadata.is_some_and(|set| set.find(call.func()).is_some()) && !program.device_bound {
        return Err(RefusalKind::NotDeviceBound);
    }
    let proto = btf.get(kfunc.full()).ok_or(RefusalKind::NoPrototype)?;
    match FuncModel::distill(btf, &proto, kernel.rules.model()) {
        Ok(_) => Ok(proto),
        Err(error) => Err(RefusalKind::Prototype { name, error }),
    }
}

/// What the flags ask of the program (`check_kfunc_call`).
pub(super) fn check_flags<'a>(
    rules: Rules,
    program: &Program<'_>,
    name: &'a [u8],
    flags: KfuncFlags,
) -> Result<(), RefusalKind<'a>> {
    if flags.contains(KfuncFlags::DESTRUCTIVE) && !program.may_destroy {
        return Err(RefusalKind::Destructive);
    }
    let perfmon = rules == Rules::V7_3 && flags.contains(KfuncFlags::PERFMON);
    if perfmon && !program.perfmon_capable {
        return Err(RefusalKind::Perfmon { name });
    }
    if flags.contains(KfuncFlags::SLEEPABLE) && !program.sleepable {
        return Err(RefusalKind::Sleepable { name });
    }
    Ok(())
}

/// The FUNC of the name without `_impl`.
fn public_of<'a>(btf: &Btf<'a>, name: &[u8]) -> Option<Type<'a>> {
    btf.find(name.strip_suffix(IMPL_SUFFIX.as_bytes())?, Kind::FUNC)
}

/// The kfunc whose full form `kfunc` is.
pub(super) fn legacy_of<'a>(
    btf: &'a Btf<'a>,
    kfunc: &Signature<'a>,
    bound: Option<&Bound>,
) -> Option<TypeId> {
    let func = kfunc.func();
    if let Some(bound) = bound {
        return (bound.full == func && bound.public != func).then_some(bound.public);
    }
    let public = public_of(btf, kfunc.name())?;
    let pair = Signature::of(btf, &public, None).ok()?;
    (pair.full_func() == Some(func)).then_some(public.id())
}
