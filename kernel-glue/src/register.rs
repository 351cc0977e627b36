// SPDX-License-Identifier: GPL-2.0-only

//! Registration: is this the kernel that the module was built for, and what are its kfuncs called there?

use core::ffi::{c_int, c_void};
use core::fmt;
use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, Ordering};

use btf_core::{Btf, Kind};
use kfunc_abi::{IdSet8, KfuncFlags};
use verifier_fixup::layout::{Layout, LayoutRecord};
use verifier_fixup::native;

use crate::ffi::{self, KfuncIdSet, Kprobe};
use crate::filter::filter;
use crate::kernel_btf::KernelBtf;
use crate::load_error::LoadError;
use crate::log::{self, Level};
use crate::registered::{publish, Registered, MAX_KFUNCS};
use crate::unbind::Watch;
use crate::{Kfunc, Module, Options, ProgType};

/// Bytes of a symbol name with `_impl`, without NUL.
const MAX_NAME: usize = 255 + kfunc_abi::IMPL_SUFFIX.len();

/// What the module was built for; `kfunc embed` fills it in.
#[used]
#[link_section = ".kfunc_abi"]
static BUILT_FOR: LayoutRecord = LayoutRecord::new();

/// Words of the index of vmlinux, on the stack: every type is found in at most some 500 steps.
const INDEX_LEN: usize = 256;

/// The ids of this module's kfuncs.
type KfuncSet = IdSet8<MAX_KFUNCS>;

/// A negative errno, for `insmod`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub c_int);

/// Registered kfuncs. Dropping it ends the watch over programs; the kernel forgets the kfuncs by itself
/// when the module goes.
pub struct Registration {
    _watch: Watch,
}

/// Registers the kfuncs of `module`. To be called once, from the module's init function; `owner` is its
/// `THIS_MODULE`.
///
/// # Errors
///
/// The errno for `insmod`; the kernel log has the reason.
///
/// # Safety
///
/// `owner` points to the `struct module` of this module, which is being loaded.
pub unsafe fn register(
    module: &'static Module,
    options: Options,
    owner: *mut c_void,
) -> Result<Registration, Errno> {
    // SAFETY: The caller's promise.
    unsafe { try_register(module, options, owner) }.map_err(|error| {
        log::print(
            Level::Error,
            module.name,
            format_args!("not loaded: {error}"),
        );
        Errno(error.errno())
    })
}

/// # Safety
///
/// As [`register`].
unsafe fn try_register(
    module: &'static Module,
    options: Options,
    owner: *mut c_void,
) -> Result<Registration, LoadError> {
    static TRIED: AtomicBool = AtomicBool::new(false);
    if TRIED.swap(true, Ordering::Relaxed) {
        return Err(LoadError::Again);
    }
    check_prog_types(module.prog_types)?;
    let options = Options {
        native: options.native && !options.unbound,
        ..options
    };
    let (registered, set) = describe(module, options)?;
    publish(registered);

    let watch = Watch::begin().map_err(LoadError::Probe)?;
    let kset = KfuncIdSet {
        owner,
        set: (&raw const set).cast::<c_void>(),
        filter: Some(filter),
    };
    for prog_type in module.prog_types {
        // SAFETY: The owner is this module, by the caller's promise; the set is copied; the filter is a function
        // of this module, which programs hold.
        match unsafe { ffi::register_btf_kfunc_id_set(prog_type.0, &kset) } {
            0 => {}
            errno => return Err(LoadError::Set(errno)),
        }
    }
    let count = module.kfuncs.len();
    log::print(
        Level::Info,
        module.name,
        format_args!("{count} kfuncs with implicit arguments, {}", Way(options)),
    );
    Ok(Registration { _watch: watch })
}

/// Compares the running kernel with the one that the module was built for, and finds the kfuncs in it.
fn describe(
    module: &'static Module,
    options: Options,
) -> Result<(Registered, KfuncSet), LoadError> {
    let (start_id, built_for) = BUILT_FOR.filled_in().ok_or(LoadError::NotEmbedded)?;
    let vmlinux = read_btf("vmlinux")?;
    let mut index = [0; INDEX_LEN];
    let vmlinux = Btf::parse_indexed(vmlinux.bytes(), &mut index).map_err(LoadError::Btf)?;
    let layout = Layout::of_kernel(&vmlinux).map_err(LoadError::Layout)?;
    built_for.check(&layout).map_err(LoadError::Layout)?;
    check_mirrors(&layout)?;
    if options.native {
        let of = module.name;
        native::check_kernel(&vmlinux).map_err(|error| LoadError::Native { of, error })?;
    }

    let own = read_btf(module.name)?;
    let own = Btf::parse_split(own.bytes(), &vmlinux).map_err(LoadError::Btf)?;
    let mut set = KfuncSet::new();
    let mut registered = Registered {
        module,
        layout,
        options,
        ids: [0; MAX_KFUNCS],
    };
    for (index, kfunc) in module.kfuncs.iter().enumerate() {
        let ids = find_ids(&own, start_id, kfunc)?;
        let mut flags = kfunc.head.flags();
        if registered.is_native(kfunc) {
            check_native(&own, kfunc)?;
            flags |= KfuncFlags::IMPLICIT_ARGS;
        }
        let place = registered.ids.get_mut(index);
        *place.ok_or(LoadError::TooManyKfuncs)? = ids.in_kernel;
        if !set.push(ids.in_module, flags) {
            return Err(LoadError::TooManyKfuncs);
        }
    }
    Ok((registered, set))
}

fn read_btf(of: &'static str) -> Result<KernelBtf, LoadError> {
    KernelBtf::read(of).map_err(|errno| LoadError::NoBtf { of, errno })
}

/// Each type once: the kernel warns, and forgets all, when a hook gets a second set.
fn check_prog_types(types: &[ProgType]) -> Result<(), LoadError> {
    let mut later = types;
    while let Some((ty, rest)) = later.split_first() {
        if rest.contains(ty) {
            return Err(LoadError::ProgTypes);
        }
        later = rest;
    }
    (!types.is_empty())
        .then_some(())
        .ok_or(LoadError::ProgTypes)
}

/// Compares the structures of `ffi.rs` with the kernel's.
fn check_mirrors(layout: &Layout) -> Result<(), LoadError> {
    let same = [
        (layout.id_set_set, offset_of!(KfuncIdSet, set)),
        (layout.id_set_filter, offset_of!(KfuncIdSet, filter)),
        (layout.kprobe_nmissed, offset_of!(Kprobe, nmissed)),
        (layout.kprobe_symbol_name, offset_of!(Kprobe, symbol_name)),
        (layout.kprobe_pre_handler, offset_of!(Kprobe, pre_handler)),
    ];
    let same = same.iter().all(|(kernel, own)| *kernel as usize == *own);
    let fits = layout.kprobe_size as usize <= size_of::<Kprobe>();
    (same && fits).then_some(()).ok_or(LoadError::Mirrors)
}

/// The id of a kfunc's public FUNC.
struct Ids {
    in_module: u32,
    in_kernel: u32,
}

/// Finds the kfunc in the relocated BTF, and checks that it is where the record says.
fn find_ids(own: &Btf<'_>, start_id: u32, kfunc: &Kfunc) -> Result<Ids, LoadError> {
    let error = LoadError::NotInBtf { kfunc: kfunc.name };
    let func = own
        .find_own(kfunc.name.as_bytes(), Kind::FUNC)
        .ok_or(error)?;
    let in_module = kfunc.head.btf_id().ok_or(error)?;
    let in_kernel = func.id().0;
    // Relocation moves all own ids by the same distance.
    let place = in_module.checked_sub(start_id).ok_or(error)?;
    if in_kernel.checked_sub(own.first_id().0) != Some(place) {
        return Err(error);
    }
    Ok(Ids {
        in_module,
        in_kernel,
    })
}

/// Checks that the verifier will fill in what the kfunc's body takes.
fn check_native(own: &Btf<'_>, kfunc: &Kfunc) -> Result<(), LoadError> {
    let mut full = [0; MAX_NAME];
    let name = kfunc.name.bytes().chain(kfunc_abi::IMPL_SUFFIX.bytes());
    let mut len = 0;
    for (place, byte) in full.iter_mut().zip(name) {
        *place = byte;
        len += 1;
    }
    let full = full.get(..len).unwrap_or_default();
    native::check_pair(own, kfunc.name.as_bytes(), full).map_err(|error| LoadError::Native {
        of: kfunc.name,
        error,
    })
}

/// How the kfuncs get their arguments, for the log.
struct Way(Options);

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Options { unbound: true, .. } => "unbound: every call fails",
            Options { native: true, .. } => "native where the kernel can",
            _ => "bound",
        })
    }
}
