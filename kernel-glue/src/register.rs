// SPDX-License-Identifier: GPL-2.0-only

//! Registration: is this the kernel that the module was built for, and what are its kfuncs called there?

use core::ffi::{c_int, c_void};
use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, Ordering};

use btf_core::{Btf, Kind};
use kfunc_abi::{IdSet8, KfuncFlags, ProgType, IMPL_SUFFIX, KSYM_NAME_LEN};
use verifier_fixup::layout::{Layout, LayoutRecord};
use verifier_fixup::native;

use crate::debugfs::Files;
use crate::ffi::{self, KfuncIdSet, Kprobe};
use crate::filter::filter;
use crate::kernel_btf::KernelBtf;
use crate::load_error::LoadError;
use crate::log::{self, Level};
use crate::registered::{self, publish, Ids, Registered, MAX_KFUNCS};
use crate::unbind::Watch;
use crate::{Kfunc, KfuncSet, Module, Options, Way};

/// What the module was built for; `kfunc embed` fills it in.
#[used]
#[link_section = ".kfunc_abi"]
static BUILT_FOR: LayoutRecord = LayoutRecord::new();

/// Words of the index of vmlinux, on the stack: every type is found in at most some 500 steps.
const INDEX_LEN: usize = 256;

/// The kfuncs of one hook; legacy ones have two names.
type IdSet = IdSet8<{ 2 * MAX_KFUNCS }>;

/// A negative errno, for `insmod`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub c_int);

/// Registered kfuncs. Dropping it ends the watch over programs; the kernel forgets the kfuncs by itself
/// when the module goes.
pub struct Registration {
    /// None where debugfs is not to be had. First, because what is in them must not be read once the watch has ended.
    _files: Option<Files>,
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
/// `owner` points to the `struct module` of this module, which is being loaded. The [`Registration`] is dropped only when
/// init fails after this, or in the module's exit function: slots are taken back then, whoever has them.
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
    limit_slots(module, options.slots)?;
    let registered = describe(module, options)?;
    publish(registered);
    let registered = registered::registered().ok_or(LoadError::Again)?;

    let watch = Watch::begin().map_err(LoadError::Probe)?;
    let mut hooks = Hooks::default();
    for prog_type in module.sets.iter().flat_map(|set| set.prog_types) {
        if hooks.is_new(*prog_type) {
            // SAFETY: The caller's promise.
            unsafe { register_hook(registered, *prog_type, owner) }?;
        }
    }
    // SAFETY: The caller's promise; the kfuncs are registered.
    let files = unsafe { Files::make(module.name, &registered.layout, owner) };
    if let Err(errno) = files {
        log::print(
            Level::Info,
            module.name,
            format_args!("no files in debugfs (error {errno})"),
        );
    }
    let count = module.kfunc_count;
    log::print(
        Level::Info,
        module.name,
        format_args!("{count} kfuncs, {}", way(registered)),
    );
    Ok(Registration {
        _files: files.ok(),
        _watch: watch,
    })
}

/// The hooks for which there is a set already. The kernel takes one set of a module for a hook, and warns about a
/// second (`__register_btf_kfunc_id_set` of `kernel/bpf/btf.c`).
#[derive(Default)]
struct Hooks(u32);

impl Hooks {
    /// Whether the hook of `prog_type` was not there before.
    fn is_new(&mut self, prog_type: ProgType) -> bool {
        let bit = match prog_type.hook() {
            Some(hook) => 1 << hook as u32,
            None => 0, // Not reached: a set of such types does not compile.
        };
        let new = bit & !self.0 != 0;
        self.0 |= bit;
        new
    }
}

/// Registers all kfuncs that programs of the hook of `prog_type` may call.
///
/// # Safety
///
/// As [`register`].
unsafe fn register_hook(
    registered: &Registered,
    prog_type: ProgType,
    owner: *mut c_void,
) -> Result<(), LoadError> {
    let set = collect_set(registered, prog_type)?;
    let kset = KfuncIdSet {
        owner,
        set: (&raw const set).cast::<c_void>(),
        filter: Some(filter),
    };
    // SAFETY: The owner is this module, by the caller's promise; the set is copied; the filter is a function
    // of this module, which programs hold.
    match unsafe { ffi::register_btf_kfunc_id_set(prog_type.0, &kset) } {
        0 => Ok(()),
        errno => Err(LoadError::Set(errno)),
    }
}

/// The ids, as the module's own BTF has them, and the flags of the kfuncs of a hook.
fn collect_set(registered: &Registered, prog_type: ProgType) -> Result<IdSet, LoadError> {
    let mut ids = IdSet::new();
    let of_hook = |set: &&&KfuncSet| {
        let mut types = set.prog_types.iter();
        types.any(|other| other.hook() == prog_type.hook())
    };
    for set in registered.module.sets.iter().filter(of_hook) {
        for kfunc in set.kfuncs {
            let mut flags = kfunc.head.flags();
            let public = kfunc.head.btf_id();
            let full = kfunc.head.impl_btf_id().filter(|_| kfunc.is_legacy());
            if let Some(id) = full {
                push(&mut ids, id, flags)?;
            }
            if registered.is_native(kfunc) {
                flags |= KfuncFlags::IMPLICIT_ARGS;
            }
            if let Some(id) = public {
                push(&mut ids, id, flags)?;
            }
        }
    }
    Ok(ids)
}

fn push(ids: &mut IdSet, id: u32, flags: KfuncFlags) -> Result<(), LoadError> {
    let pushed = ids.push(id, flags);
    pushed.then_some(()).ok_or(LoadError::TooManyKfuncs)
}

/// Compares the running kernel with the one that the module was built for, and finds the kfuncs in it.
fn describe(module: &'static Module, options: Options) -> Result<Registered, LoadError> {
    let (start_id, built_for) = BUILT_FOR.filled_in().ok_or(LoadError::NotEmbedded)?;
    let vmlinux = read_btf("vmlinux")?;
    let mut index = [0; INDEX_LEN];
    let vmlinux = Btf::parse_indexed(vmlinux.bytes(), &mut index).map_err(LoadError::Btf)?;
    let layout = Layout::of_kernel(&vmlinux).map_err(LoadError::Layout)?;
    built_for.check(&layout).map_err(LoadError::Layout)?;
    check_mirrors(&layout)?;
    let native = !options.unbound && is_native(module, options.way, &vmlinux)?;

    let own = read_btf(module.name)?;
    let own = Btf::parse_split(own.bytes(), &vmlinux).map_err(LoadError::Btf)?;
    let mut registered = Registered {
        module,
        layout,
        native,
        unbound: options.unbound,
        ids: [Ids::default(); MAX_KFUNCS],
    };
    let mut places = registered.ids.iter_mut();
    for kfunc in module.kfuncs() {
        let place = places.next().ok_or(LoadError::TooManyKfuncs)?;
        *place = find_ids(&own, start_id, kfunc)?;
    }
    for kfunc in module.kfuncs().filter(|kfunc| registered.is_native(kfunc)) {
        check_native(&vmlinux, &own, kfunc)?;
    }
    Ok(registered)
}

/// Whether the verifier is to fill in what it can.
fn is_native(module: &Module, way: Way, vmlinux: &Btf<'_>) -> Result<bool, LoadError> {
    let kernel = || native::check_kernel(vmlinux);
    match way {
        Way::Bound => Ok(false),
        Way::Auto => Ok(module.can_be_native() && kernel().is_ok()),
        Way::Native => {
            let of = module.name;
            kernel().map_err(|error| LoadError::Native { of, error })?;
            Ok(true)
        }
    }
}

/// Uses so many slots of each kfunc, if a number was asked for.
fn limit_slots(module: &Module, asked: u32) -> Result<(), LoadError> {
    if asked == 0 {
        return Ok(());
    }
    for kfunc in module.kfuncs() {
        if let Some(pool) = &kfunc.pool {
            if !pool.slots.use_first(asked as usize) {
                return Err(LoadError::Slots {
                    asked,
                    kfunc: kfunc.name,
                    declared: pool.slots.capacity(),
                });
            }
        }
    }
    Ok(())
}

fn read_btf(of: &'static str) -> Result<KernelBtf, LoadError> {
    KernelBtf::read(of).map_err(|errno| LoadError::NoBtf { of, errno })
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

/// Finds the kfunc in the relocated BTF, under each name by which it may be called.
fn find_ids(own: &Btf<'_>, start_id: u32, kfunc: &Kfunc) -> Result<Ids, LoadError> {
    let name = kfunc.name.as_bytes();
    let public = find_id(own, start_id, kfunc, name, kfunc.head.btf_id())?;
    let legacy = if kfunc.is_legacy() {
        let (name, id) = (FullName::new(kfunc.name), kfunc.head.impl_btf_id());
        find_id(own, start_id, kfunc, name.bytes(), id)?
    } else {
        0
    };
    Ok(Ids { public, legacy })
}

/// The id of the FUNC `name` as the kernel counts it, if it is where the record says.
fn find_id(
    own: &Btf<'_>,
    start_id: u32,
    kfunc: &Kfunc,
    name: &[u8],
    in_module: Option<u32>,
) -> Result<u32, LoadError> {
    let error = LoadError::NotInBtf { kfunc: kfunc.name };
    let func = own.find_own(name, Kind::FUNC).ok_or(error)?;
    let in_kernel = func.id().0;
    // Relocation moves all own ids by the same distance.
    let place = in_module.and_then(|id| id.checked_sub(start_id));
    if place.is_none() || in_kernel.checked_sub(own.first_id().0) != place {
        return Err(error);
    }
    Ok(in_kernel)
}

/// Checks that the verifier will fill in what the kfunc's body takes.
fn check_native(vmlinux: &Btf<'_>, own: &Btf<'_>, kfunc: &Kfunc) -> Result<(), LoadError> {
    let full = FullName::new(kfunc.name);
    native::check_kernel(vmlinux)
        .and_then(|()| native::check_pair(own, kfunc.name.as_bytes(), full.bytes()))
        .map_err(|error| LoadError::Native {
            of: kfunc.name,
            error,
        })
}

/// The name of a kfunc with `_impl`.
struct FullName {
    bytes: [u8; KSYM_NAME_LEN],
    len: usize,
}

impl FullName {
    fn new(name: &str) -> Self {
        let mut full = Self {
            bytes: [0; KSYM_NAME_LEN],
            len: 0,
        };
        // A declaration with a longer name does not compile.
        for (place, byte) in full
            .bytes
            .iter_mut()
            .zip(name.bytes().chain(IMPL_SUFFIX.bytes()))
        {
            *place = byte;
            full.len = full.len.saturating_add(1);
        }
        full
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// How the kfuncs get their arguments, for the log.
fn way(registered: &Registered) -> &'static str {
    match registered {
        Registered { unbound: true, .. } => "unbound: bound kfuncs fail",
        Registered { native: true, .. } => "native where the kernel can",
        _ => "bound",
    }
}
