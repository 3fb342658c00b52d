//! State that most connections never have. It is in one box, which an idle connection does without.

use bluewire_core::Closure;

use super::ending::Loss;
use super::flow::Flow;
use super::output::{Dropped, Stall};
use super::published::Inflow;

#[derive(Debug, Default)]
pub(super) struct Rare(Option<Box<Fields>>);

// A publisher looks at the first two fields of each member. They lie in one cache line most often.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Fields {
    /// The messages that groups have published to it.
    pub(super) inflow: Option<Inflow>,
    /// Since when the stream takes too little.
    pub(super) stall: Option<Stall>,
    /// The program's own, if it is not the default one.
    pub(super) flow: Option<Flow>,
    /// The messages that `close_now` dropped.
    pub(super) dropped: Option<Dropped>,
    /// The error of the stream.
    pub(super) loss: Option<Loss>,
    /// How the connection ended, once that was reported.
    pub(super) closure: Option<Closure>,
}

static DEFAULT_FLOW: Flow = Flow::DEFAULT;

impl Rare {
    #[inline]
    pub(super) fn flow(&self) -> &Flow {
        self.own_flow().unwrap_or(&DEFAULT_FLOW)
    }

    /// The settings, if the program has set some.
    #[inline]
    pub(super) fn own_flow(&self) -> Option<&Flow> {
        self.0.as_ref()?.flow.as_ref()
    }

    pub(super) fn dropped(&self) -> Option<&Dropped> {
        self.0.as_ref()?.dropped.as_ref()
    }

    pub(super) fn stall(&mut self) -> Option<&mut Stall> {
        self.0.as_mut()?.stall.as_mut()
    }

    pub(super) fn loss(&self) -> Option<&Loss> {
        self.0.as_ref()?.loss.as_ref()
    }

    pub(super) fn loss_mut(&mut self) -> Option<&mut Loss> {
        self.0.as_mut()?.loss.as_mut()
    }

    pub(super) fn closure(&self) -> Option<&Closure> {
        self.0.as_ref()?.closure.as_ref()
    }

    #[inline]
    pub(super) fn inflow(&self) -> Option<&Inflow> {
        self.0.as_ref()?.inflow.as_ref()
    }

    pub(super) fn inflow_mut(&mut self) -> Option<&mut Inflow> {
        self.0.as_mut()?.inflow.as_mut()
    }

    /// The connection leaves its groups.
    pub(super) fn drop_inflow(&mut self) {
        if let Some(fields) = &mut self.0 {
            fields.inflow = None;
        }
    }

    /// To set one of them.
    pub(super) fn make(&mut self) -> &mut Fields {
        self.0.get_or_insert_default()
    }

    /// The stream takes enough again: what may happen to any connection keeps no memory.
    #[inline]
    pub(super) fn end_stall(&mut self) {
        if let Some(fields) = &mut self.0
            && fields.stall.take().is_some()
            && matches!(
                **fields,
                Fields {
                    inflow: None,
                    stall: None,
                    flow: None,
                    dropped: None,
                    loss: None,
                    closure: None
                }
            )
        {
            self.0 = None;
        }
    }
}
