//! The native half of the module: the connections, and how their events come to the script.
//!
//! A connection's tasks run on an executor that only the script's thread runs. Its callbacks so
//! call the script directly: a message goes from the connection's inbox into the script's string
//! or buffer, no queue grows between them, and a script that is busy holds the reading up.

use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use bluewire::Message;
use bluewire::facade::CloseEvent;
use rquickjs::function::IntoArgs;
use rquickjs::{ArrayBuffer, Context, Ctx, Error, Function, Module, Object, Persistent};
use smol::Executor;

use crate::jobs::{describe, load, run_jobs};
use crate::native::{self, State};
use crate::options::SocketsOptions;

/// The names of the module: the page's, and the alliance's.
pub const MODULE_NAMES: [&str; 2] = ["@blueos.network.webSocket", "@system.websocketfactory"];

const SOURCE: &str = include_str!("websocket.js");

/// The WebSockets of one QuickJS context.
///
/// [`install`](Self::install) makes the module known; [`turn`](Self::turn), called in a loop, lets
/// the connections work and calls the script back.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use bluewire_quickjs::Sockets;
/// use rquickjs::{Context, Module, Runtime};
///
/// let runtime = Runtime::new()?;
/// let context = Context::full(&runtime)?;
/// let sockets = Sockets::install(&context, |exception| eprintln!("{exception}"))?;
/// context.with(|ctx| {
///     let source = "
///         import websocketfactory from '@blueos.network.webSocket';
///         const socket = websocketfactory.create({ url: 'ws://127.0.0.1:9' });
///         socket.onError = ({ data }) => { globalThis.failure = data; };
///     ";
///     Module::evaluate(ctx, "main.js", source)?.finish::<()>()
/// })?;
/// smol::block_on(async {
///     while !sockets.is_idle() {
///         sockets.turn().await;
///     }
/// });
/// assert!(context.with(|ctx| ctx.globals().get::<_, String>("failure"))?.contains("127.0.0.1:9"));
/// # Ok(())
/// # }
/// ```
///
/// It is dropped before its runtime, and takes its connections with it, without a word to their
/// peers.
pub struct Sockets {
    inner: Rc<Inner>,
    executor: Arc<Executor<'static>>,
}

impl Sockets {
    /// Makes the module known to this context under both names, and a global function `require`
    /// that knows it as well. `report` gets the exceptions of callbacks, with their stacks.
    ///
    /// Install it before any script runs: the module keeps the intrinsics that it finds here, and a
    /// script that replaces some later does not disturb it.
    ///
    /// A loader of the runtime's, if it has one, must leave [`MODULE_NAMES`] as they are.
    ///
    /// # Errors
    ///
    /// If QuickJS has no memory left, or lacks an intrinsic of [`Context::full`].
    pub fn install(context: &Context, report: impl Fn(&str) + 'static) -> rquickjs::Result<Self> {
        Self::install_with(context, SocketsOptions::default(), report)
    }

    /// The same with options.
    ///
    /// # Errors
    ///
    /// As [`install`](Self::install).
    pub fn install_with(
        context: &Context,
        options: SocketsOptions,
        report: impl Fn(&str) + 'static,
    ) -> rquickjs::Result<Self> {
        let executor = Arc::new(Executor::new());
        let state = Rc::new(State::new(&executor, options, report));
        let (dispatch, unhold) = context.with(|ctx| {
            let half = load(&ctx, "bluewire:websocket.js", SOURCE)?;
            let half: Object<'_> = half.call((native::functions(&ctx, &state)?,))?;
            declare(&ctx, &half.get("factory")?)?;
            let keep =
                |name| Ok::<_, Error>(Persistent::save(&ctx, half.get::<_, Function<'_>>(name)?));
            Ok::<_, Error>((keep("dispatch")?, keep("unhold")?))
        })?;
        let inner = Inner { dispatch, unhold, state, context: context.clone() };
        Ok(Self { inner: Rc::new(inner), executor })
    }

    /// Whether nothing is left to wait for: every connection has ended, and the script knows.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.executor.is_empty()
    }

    /// Waits until a connection has something to do, and lets it. Callbacks are called meanwhile,
    /// and after each the jobs that it left: what promises wait for.
    ///
    /// It is for the thread of the context, outside of [`Context::with`]. Dropped before it is
    /// ready, it has lost nothing.
    pub async fn turn(&self) {
        let mut tick = pin!(self.executor.tick());
        poll_fn(|cx| {
            let _scope = Scope::enter(&self.inner);
            tick.as_mut().poll(cx)
        })
        .await;
        self.inner.let_go();
    }
}

impl fmt::Debug for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sockets").field("executor", &self.executor).finish_non_exhaustive()
    }
}

/// The module under both names, and `require`.
fn declare<'js>(ctx: &Ctx<'js>, factory: &Object<'js>) -> rquickjs::Result<()> {
    for name in MODULE_NAMES {
        let module = Module::declare(ctx.clone(), name, "export default import.meta.factory;")?;
        module.meta()?.set("factory", factory.clone())?;
        let (_, evaluated) = module.eval()?;
        evaluated.finish::<()>()?;
    }
    let require: Function<'js> = ctx.eval(
        "(one, other, factory, Unknown) => function require(name) {
            if (name === one || name === other) return factory;
            throw new Unknown(`there is no module ${name}`);
        }",
    )?;
    let [one, other] = MODULE_NAMES;
    let error: Function<'js> = ctx.globals().get("Error")?;
    let require: Function<'js> = require.call((one, other, factory.clone(), error))?;
    ctx.globals().set("require", require)
}

/// How the native half calls the other.
pub(crate) struct Inner {
    dispatch: Persistent<Function<'static>>,
    unhold: Persistent<Function<'static>>,
    state: Rc<State>,
    // Behind its values.
    context: Context,
}

/// The events for the other half. The numbers are its names for them.
#[derive(Clone, Copy)]
pub(crate) enum Told<'a> {
    Open,
    Message(Message<'a>),
    Close(&'a CloseEvent),
    Error(&'a str),
    Success,
    Fail(&'a str, u16),
}

impl Inner {
    /// Tells the object with this number, or the outcome with this number.
    fn tell(&self, id: u32, told: Told<'_>) {
        self.context.with(|ctx| {
            if let Err(error) = self.dispatch(&ctx, id, told) {
                self.state.report(&describe(&ctx, error));
            }
        });
        self.run_jobs();
    }

    fn dispatch(&self, ctx: &Ctx<'_>, id: u32, told: Told<'_>) -> rquickjs::Result<()> {
        match told {
            Told::Open => self.call(ctx, &self.dispatch, (0, id)),
            Told::Message(Message::Text(text)) => {
                let text = rquickjs::String::from_str(ctx.clone(), text)?;
                self.call(ctx, &self.dispatch, (1, id, text))
            }
            Told::Message(Message::Binary(bytes)) => {
                let buffer = ArrayBuffer::new_copy(ctx.clone(), bytes)?;
                self.call(ctx, &self.dispatch, (1, id, buffer))
            }
            Told::Close(CloseEvent { code, reason, was_clean, .. }) => {
                self.call(ctx, &self.dispatch, (2, id, *code, reason.as_str(), *was_clean))
            }
            Told::Error(data) => self.call(ctx, &self.dispatch, (3, id, data)),
            Told::Success => self.call(ctx, &self.dispatch, (4, id)),
            Told::Fail(data, code) => self.call(ctx, &self.dispatch, (5, id, data, code)),
        }
    }

    fn call<'js>(
        &self,
        ctx: &Ctx<'js>,
        function: &Persistent<Function<'static>>,
        args: impl IntoArgs<'js>,
    ) -> rquickjs::Result<()> {
        function.clone().restore(ctx)?.call(args)
    }

    /// Lets objects go that no callback waits for any more.
    fn let_go(&self) {
        let unheld = self.state.take_unheld();
        if unheld.is_empty() {
            return;
        }
        self.context.with(|ctx| {
            for id in unheld {
                if let Err(error) = self.call(&ctx, &self.unhold, (id,)) {
                    self.state.report(&describe(&ctx, error));
                }
            }
        });
        self.run_jobs();
    }

    fn run_jobs(&self) {
        run_jobs(&self.context, |exception| self.state.report(exception));
    }
}

thread_local! {
    /// Whose connections have their turn on this thread.
    static CURRENT: RefCell<Option<Rc<Inner>>> = const { RefCell::new(None) };
}

/// Tells the script whose connections have their turn.
pub(crate) fn tell(id: u32, told: Told<'_>) {
    let inner = CURRENT.with_borrow(Clone::clone);
    // The executor runs nowhere else than in a turn.
    if let Some(inner) = inner {
        inner.tell(id, told);
    }
}

/// For one poll: callbacks must be `Send`, and so cannot hold what they call.
struct Scope {
    before: Option<Rc<Inner>>,
}

impl Scope {
    fn enter(inner: &Rc<Inner>) -> Self {
        Self { before: CURRENT.replace(Some(Rc::clone(inner))) }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        CURRENT.set(self.before.take());
    }
}
