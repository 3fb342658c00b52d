//! The reference counter behind whatever several connections share.

/// `alloc::sync::Arc`; on targets without compare-and-swap, that of `portable-atomic-util`, which
/// has the same methods.
#[cfg(target_has_atomic = "ptr")]
#[doc(no_inline)]
pub use alloc::sync::Arc;
#[cfg(all(not(target_has_atomic = "ptr"), feature = "portable-atomic"))]
#[doc(no_inline)]
pub use portable_atomic_util::Arc;

#[cfg(all(not(target_has_atomic = "ptr"), not(feature = "portable-atomic")))]
compile_error!("this target has no compare-and-swap: enable the feature `portable-atomic`");
