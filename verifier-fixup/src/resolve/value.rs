// SPDX-License-Identifier: MIT OR Apache-2.0

//! Where the arguments come from that a program does not pass, or that are not what it passes.

use btf_core::{Btf, Param, Params};
use kfunc_abi::call::MAX_REGISTER_ARGS;
use kfunc_abi::{
    annotation_in, Annotation, KernelVersion, Signature, SignatureParams, IMPL_SUFFIX,
};

use super::{Call, Kernel, KfuncBtf, Rules};
use crate::insn::Reg;
use crate::native::is_prog_aux;

/// An argument that does not simply come from the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// The number of the parameter, from 0.
    pub index: usize,
    /// Its register; none if it is on the stack.
    pub register: Option<Reg>,
    /// Where it comes from.
    pub from: ValueFrom,
    /// Whether the program passes something in its place.
    pub passed: bool,
}

/// Where an argument comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueFrom {
    /// The verifier: the aux of the program ([`crate::fixup::implicit::prog_aux`]).
    ProgAux,
    /// The verifier: the size of the object ([`crate::fixup::implicit::obj_new`]).
    ObjectSize,
    /// The verifier: what it knows of the object's struct (`struct btf_struct_meta`); NULL if that is nothing.
    StructMeta,
    /// The verifier: where in the object the node is ([`crate::fixup::implicit::list_push`]).
    NodeOffset,
    /// The stub of the program's slot, by the kfunc's own module.
    Stub,
    /// Nobody: it is what the program has in the register, at which the verifier does not look.
    Unchecked,
}

/// How the arguments of a kfunc get there that do not simply come from the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// There are none.
    Plain,
    /// By the verifier.
    Native,
    /// By the stub of the kfunc's own module.
    Bound,
    /// Not all do: one is [`ValueFrom::Unchecked`].
    Unfilled,
}

impl Way {
    pub(super) fn of(values: Values<'_>) -> Self {
        let mut way = Self::Plain;
        for value in values {
            match value.from {
                ValueFrom::Unchecked => return Self::Unfilled,
                ValueFrom::Stub => way = Self::Bound,
                _ if way == Self::Plain => way = Self::Native,
                _ => {}
            }
        }
        way
    }
}

/// What the verifier fills in for one of the kernel's own kfuncs, by the number of the parameter.
type Special = &'static [(usize, ValueFrom)];

/// The cases of `bpf_fixup_kfunc_call`, without `_impl`. That of the aux is 6.12's (`fixup_kfunc_call`).
const SPECIAL: &[(&[u8], Special)] = &[
    (b"bpf_obj_new", OBJ_NEW),
    (b"bpf_percpu_obj_new", OBJ_NEW),
    (b"bpf_obj_drop", OBJECT),
    (b"bpf_percpu_obj_drop", OBJECT),
    (b"bpf_refcount_acquire", OBJECT),
    (b"bpf_list_push_front", PUSH),
    (b"bpf_list_push_back", PUSH),
    (b"bpf_list_add", ADD),
    (b"bpf_rbtree_add", ADD),
];
const OBJ_NEW: Special = &[(0, ValueFrom::ObjectSize), (1, ValueFrom::StructMeta)];
const OBJECT: Special = &[(1, ValueFrom::StructMeta)];
const PUSH: Special = &[(2, ValueFrom::StructMeta), (3, ValueFrom::NodeOffset)];
const ADD: Special = &[(3, ValueFrom::StructMeta), (4, ValueFrom::NodeOffset)];
const WQ_SET_CALLBACK: Special = &[(3, ValueFrom::ProgAux)];

/// What the kernel fills in for the kfunc of this name.
fn special(rules: Rules, name: &[u8]) -> Special {
    let stem = name.strip_suffix(IMPL_SUFFIX.as_bytes());
    let stem = match (rules, stem) {
        (Rules::V6_12, None) => return &[],
        (Rules::V6_12, Some(b"bpf_wq_set_callback")) => return WQ_SET_CALLBACK,
        (_, Some(stem)) => stem,
        (Rules::V7_3, None) => name,
    };
    let mut all = SPECIAL.iter();
    all.find(|(name, _)| *name == stem)
        .map_or(&[], |(_, special)| special)
}

/// Who fills in what of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arguments<'a> {
    btf: &'a Btf<'a>,
    /// Whether the verifier fills in a `struct bpf_prog_aux *`.
    fills_aux: bool,
    special: Special,
    bound: bool,
    /// How many parameters programs pass.
    passed: usize,
    kernel: KernelVersion,
}

impl<'a> Arguments<'a> {
    pub(super) fn new(
        kernel: &Kernel<'_>,
        from: &KfuncBtf<'a>,
        call: Call,
        kfunc: &Signature<'a>,
        bound: bool,
    ) -> Self {
        let special = match call.fd_index {
            0 => special(kernel.rules, kfunc.name()),
            _ => &[],
        };
        let public = from.btf.get(kfunc.public());
        Self {
            btf: from.btf,
            fills_aux: kernel.rules == Rules::V7_3,
            special,
            bound,
            passed: public.map_or(0, |public| public.params().len()),
            kernel: kernel.rules.version(),
        }
    }

    pub(super) fn values(&self, signature: &Signature<'a>) -> Values<'a> {
        let full = self.btf.get(signature.full());
        Values {
            arguments: *self,
            params: signature.params(),
            full: full.map(|full| full.params()),
            next: 0,
        }
    }

    /// Where the parameter of this number comes from; none if it is the program's.
    fn from(&self, index: usize, param: Param, implicit: bool) -> Option<ValueFrom> {
        if self.bound && implicit {
            return Some(ValueFrom::Stub);
        }
        let mut special = self.special.iter();
        if let Some((_, from)) = special.find(|(place, _)| *place == index) {
            return Some(*from);
        }
        if self.fills_aux && is_prog_aux(self.btf, param) {
            return Some(ValueFrom::ProgAux);
        }
        let name = self.btf.name_at(param.name);
        let ignored = annotation_in(name, self.kernel).0 == Some(Annotation::Ignored);
        (ignored || index >= self.passed).then_some(ValueFrom::Unchecked)
    }
}

/// The values of a call, in the order of the parameters.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    arguments: Arguments<'a>,
    params: SignatureParams<'a>,
    full: Option<Params<'a>>,
    next: usize,
}

impl Iterator for Values<'_> {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        loop {
            let implicit = self.params.next()?.implicit;
            let param = self.full.as_mut()?.next()?;
            let index = self.next;
            self.next = index.saturating_add(1);
            if let Some(from) = self.arguments.from(index, param, implicit) {
                return Some(Value {
                    index,
                    register: register(index),
                    from,
                    passed: index < self.arguments.passed,
                });
            }
        }
    }
}

/// The register of the parameter of this number.
fn register(index: usize) -> Option<Reg> {
    if index >= MAX_REGISTER_ARGS {
        return None;
    }
    u8::try_from(index.saturating_add(1)).ok().map(Reg)
}
