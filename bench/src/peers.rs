// SPDX-License-Identifier: MIT OR Apache-2.0

//! btf-core and its peers, each doing the same task in its own way.

use std::ffi::CStr;

use anyhow::Result;
use btf_core::validate::{validate, Policy, Release};
use btf_core::{Kind, Type};
use btf_rs::{Backend, BtfType as _};

use crate::libbpf;
use crate::task::{perform, Answer, Answers, Prototype, Taken, Task};

/// Words in a KiB.
const KIB: usize = 1024 / size_of::<u32>();

/// Words of the smallest index that is measured.
pub(crate) const SMALLEST_INDEX: usize = 4 * KIB;

/// Somebody who can do the task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// Its name and version, and how it is used.
    pub(crate) name: &'static str,
    /// Memory that is given to it.
    pub(crate) scratch: Scratch,
    /// At most this part of libbpf's time is aimed at.
    pub(crate) target: Option<f64>,
    /// Does the task.
    pub(crate) run: fn(&Task, &mut [u32], &mut Answers) -> Result<Taken>,
}

/// How much memory is given.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scratch {
    /// None: it has a heap.
    Heap,
    /// So many words.
    Words(usize),
    /// So many words for each type.
    PerType(usize),
}

/// What the ratios are to.
pub(crate) const REFERENCE: Peer = Peer {
    name: "libbpf 1.7",
    scratch: Scratch::Heap,
    target: None,
    run: libbpf,
};

/// The others; ours come first.
pub(crate) const PEERS: &[Peer] = &[
    Peer {
        name: "btf-core, 4 KiB index",
        scratch: Scratch::Words(SMALLEST_INDEX),
        target: None,
        run: ours,
    },
    Peer {
        name: "btf-core, 16 KiB index",
        scratch: Scratch::Words(16 * KIB),
        target: None,
        run: ours,
    },
    Peer {
        name: "btf-core, 64 KiB index",
        scratch: Scratch::Words(64 * KIB),
        target: Some(0.25),
        run: ours,
    },
    Peer {
        name: "btf-core, full index",
        scratch: Scratch::PerType(1),
        target: None,
        run: ours,
    },
    Peer {
        name: "btf-core, validated as the kernel does its own",
        scratch: Scratch::PerType(1),
        target: Some(0.5),
        run: validated_as_kernel,
    },
    Peer {
        name: "btf-core, validated as the kernel does a program's",
        scratch: Scratch::PerType(3),
        target: None,
        run: validated_as_user,
    },
    #[cfg(feature = "aya")]
    Peer {
        name: "aya-obj 0.6",
        scratch: Scratch::Heap,
        target: None,
        run: aya,
    },
    Peer {
        name: "btf-rs 2.0, cached",
        scratch: Scratch::Heap,
        target: None,
        run: btf_rs_cached,
    },
    Peer {
        name: "btf-rs 2.0, mapped",
        scratch: Scratch::Heap,
        target: None,
        run: btf_rs_mapped,
    },
    Peer {
        name: "btf 0.5.1",
        scratch: Scratch::Heap,
        target: None,
        run: btf,
    },
];

fn ours(task: &Task, scratch: &mut [u32], answers: &mut Answers) -> Result<Taken> {
    perform(
        task,
        answers,
        || Ok(btf_core::Btf::parse_indexed(&task.data, scratch)?),
        ours_func,
    )
}

fn validated_as_kernel(task: &Task, scratch: &mut [u32], answers: &mut Answers) -> Result<Taken> {
    validated(task, Policy::Kernel { base: None }, scratch, answers)
}

fn validated_as_user(task: &Task, scratch: &mut [u32], answers: &mut Answers) -> Result<Taken> {
    validated(task, Policy::User { kernel: None }, scratch, answers)
}

fn validated(
    task: &Task,
    policy: Policy<'_>,
    scratch: &mut [u32],
    answers: &mut Answers,
) -> Result<Taken> {
    perform(
        task,
        answers,
        || Ok(validate(&task.data, policy, Release::Linux7_3, scratch)?),
        ours_func,
    )
}

fn ours_func(btf: &btf_core::Btf<'_>, name: &CStr) -> Option<Answer> {
    let func = btf.find(name.to_bytes(), Kind::FUNC)?;
    let proto = btf.get(func.target()?)?;
    Some(answer(btf, &func, &proto))
}

/// `func` and its prototype `proto`, both of `btf`.
pub(crate) fn answer(btf: &btf_core::Btf<'_>, func: &Type<'_>, proto: &Type<'_>) -> Answer {
    let params = proto.params();
    Answer {
        id: Some(func.id().0),
        prototype: Some(Prototype::of(
            params.map(|param| (param.ty.0, btf.name_at(param.name).len())),
        )),
    }
}

fn libbpf(task: &Task, _: &mut [u32], answers: &mut Answers) -> Result<Taken> {
    let open = || libbpf::Btf::open(&task.data);
    perform(task, answers, open, libbpf::Btf::func)
}

/// It has prototypes, but shows them to nobody.
#[cfg(feature = "aya")]
fn aya(task: &Task, _: &mut [u32], answers: &mut Answers) -> Result<Taken> {
    use aya_obj::btf::{Btf, BtfKind};

    let open = || Ok(Btf::parse(&task.data, Default::default())?);
    perform(task, answers, open, |btf, name| {
        let id = btf.id_by_type_name_kind(name.to_str().ok()?, BtfKind::Func);
        Some(Answer {
            id: Some(id.ok()?),
            prototype: None,
        })
    })
}

fn btf_rs_cached(task: &Task, _: &mut [u32], answers: &mut Answers) -> Result<Taken> {
    let open = || Ok(btf_rs::Btf::from_bytes(&task.data)?);
    perform(task, answers, open, btf_rs_func)
}

fn btf_rs_mapped(task: &Task, _: &mut [u32], answers: &mut Answers) -> Result<Taken> {
    let open = || {
        Ok(btf_rs::Btf::from_file_with_backend(
            &task.path,
            Backend::Mmap,
        )?)
    };
    perform(task, answers, open, btf_rs_func)
}

fn btf_rs_func(btf: &btf_rs::Btf, name: &CStr) -> Option<Answer> {
    let ids = btf.resolve_ids_by_name(name.to_str().ok()?).ok()?;
    let (id, func) = ids
        .iter()
        .find_map(|id| match btf.resolve_type_by_id(*id) {
            Ok(btf_rs::Type::Func(func)) => Some((*id, func)),
            _ => None,
        })?;
    let btf_rs::Type::FuncProto(proto) = btf.resolve_chained_type(&func).ok()? else {
        return None;
    };
    let params = proto.parameters.iter().map(|param| {
        let name = btf.resolve_name(param).unwrap_or_default();
        (param.get_type_id().unwrap_or_default(), name.len())
    });
    Some(Answer {
        id: Some(id),
        prototype: Some(Prototype::of(params)),
    })
}

/// It knows one type for each name, of whatever kind.
fn btf(task: &Task, _: &mut [u32], answers: &mut Answers) -> Result<Taken> {
    let open = || Ok(btf::btf::Btf::from_file(&task.path)?);
    perform(task, answers, open, |btf, name| {
        let func = btf.get_type_by_name(name.to_str().ok()?).ok()?;
        let prototype = match &func.base_type {
            btf::btf::Type::FunctionProto(proto) => Prototype::of(
                proto
                    .params
                    .iter()
                    .map(|param| (param.type_id, param.name.as_deref().map_or(0, str::len))),
            ),
            _ => Prototype::default(),
        };
        Some(Answer {
            id: Some(func.type_id),
            prototype: Some(prototype),
        })
    })
}
