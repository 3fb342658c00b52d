//! Running a script to its end.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::promise::PromiseState;
use rquickjs::{
    Context, Ctx, Error, Function, Module, Object, Persistent, Promise, Runtime, Value,
};
use smol::Timer;
use smol::future::FutureExt as _;

use crate::jobs::{describe, describe_value, load, run_jobs};
use crate::options::SocketsOptions;
use crate::sockets::{MODULE_NAMES, Sockets};
use crate::timers::Timers;

const WORLD: &str = include_str!("world.js");

/// A script, which is an ES module in a file, with the module, `console`, timers, and
/// `scriptArgs`: its path and the arguments behind it.
///
/// It imports the module, and files by paths that begin with `./`, `../` or `/`.
#[derive(Clone, Debug)]
pub struct Script {
    path: PathBuf,
    args: Vec<String>,
    sockets: SocketsOptions,
}

impl Script {
    /// The script in this file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), args: Vec::new(), sockets: SocketsOptions::default() }
    }

    /// Gives it arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets what it may do with the module.
    #[must_use]
    pub const fn sockets(mut self, options: SocketsOptions) -> Self {
        self.sockets = options;
        self
    }

    /// Runs it on this thread, until no connection, timer or job is left.
    ///
    /// An exception in a callback, or the rejection of a promise without a handler, is written to
    /// standard error, with its stack; the script goes on.
    ///
    /// # Errors
    ///
    /// If the script cannot be read or compiled, or throws; if it waits for something that never
    /// happens; and at its end, if an exception was not caught.
    pub fn run(&self) -> Result<(), ScriptError> {
        let runtime = Runtime::new()?;
        runtime.set_loader(Files, Files);
        let context = Context::full(&runtime)?;
        let world = World::new(context, self)?;
        let ended = smol::block_on(world.run(&self.path));
        // It holds values that only the runtime can free.
        runtime.set_host_promise_rejection_tracker(None);
        ended
    }
}

/// Why a script failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ScriptError {
    /// QuickJS could not be set up.
    Engine(Error),
    /// The script could not be read or compiled, or it threw: the message and the stack.
    Failed(String),
    /// Nothing is left that the script could go on by, and it still waits.
    Unsettled,
    /// It came to its end, but an exception was not caught. It has been reported.
    Uncaught,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(error) => error.fmt(f),
            Self::Failed(exception) => f.write_str(exception),
            Self::Unsettled => f.write_str("the script waits for what never comes"),
            Self::Uncaught => f.write_str("the script left an exception uncaught"),
        }
    }
}

impl std::error::Error for ScriptError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Engine(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for ScriptError {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

/// Rejected promises without a handler so far, with the reasons.
type Rejections = Rc<RefCell<Vec<[Persistent<Value<'static>>; 2]>>>;

/// All that a script works with.
struct World {
    sockets: Sockets,
    rejections: Rejections,
    fire: Persistent<Function<'static>>,
    timers: Rc<Timers>,
    /// Whether an exception was not caught.
    uncaught: Rc<Cell<bool>>,
    // Behind its values.
    context: Context,
}

impl World {
    fn new(context: Context, script: &Script) -> Result<Self, ScriptError> {
        let uncaught = Rc::new(Cell::new(false));
        let told = Rc::clone(&uncaught);
        let report = move |exception: &str| report(&told, exception);
        let sockets = Sockets::install_with(&context, script.sockets, report)?;
        let rejections = track_rejections(context.runtime());
        let timers = Rc::new(Timers::default());
        let fire = context.with(|ctx| {
            let path = script.path.to_string_lossy().into_owned();
            let args: Vec<_> = [path].into_iter().chain(script.args.iter().cloned()).collect();
            ctx.globals().set("scriptArgs", args)?;
            let world = load(&ctx, "bluewire:world.js", WORLD)?;
            let fire: Function<'_> = world.call((native(&ctx, &timers)?,))?;
            rquickjs::Result::Ok(Persistent::save(&ctx, fire))
        })?;
        Ok(Self { sockets, rejections, fire, timers, uncaught, context })
    }

    /// Runs the script in this file.
    async fn run(&self, path: &Path) -> Result<(), ScriptError> {
        let promise = self.start(path)?;
        loop {
            self.fire_due();
            self.run_jobs();
            self.check(&promise)?;
            self.report_rejections();
            let timer = self.timers.next();
            if self.sockets.is_idle() && timer.is_none() {
                break;
            }
            let turn = self.sockets.turn();
            match timer {
                None => turn.await,
                Some(at) => turn.or(async { _ = Timer::at(at).await }).await,
            }
        }
        let pending = self
            .context
            .with(|ctx| Ok::<_, Error>(promise.restore(&ctx)?.state() == PromiseState::Pending))?;
        match (pending, self.uncaught.get()) {
            (true, _) => Err(ScriptError::Unsettled),
            (false, true) => Err(ScriptError::Uncaught),
            (false, false) => Ok(()),
        }
    }

    fn start(&self, path: &Path) -> Result<Persistent<Promise<'static>>, ScriptError> {
        let failed = |error: &dyn fmt::Display| {
            ScriptError::Failed(format!("{} cannot be read: {error}", path.display()))
        };
        let source = fs::read(path).map_err(|error| failed(&error))?;
        let name = fs::canonicalize(path).map_err(|error| failed(&error))?;
        self.context.with(|ctx| {
            Module::evaluate(ctx.clone(), name.to_string_lossy().into_owned(), source)
                .map(|promise| Persistent::save(&ctx, promise))
                .map_err(|error| ScriptError::Failed(describe(&ctx, error)))
        })
    }

    /// Fails if the script has.
    fn check(&self, promise: &Persistent<Promise<'static>>) -> Result<(), ScriptError> {
        self.context.with(|ctx| match promise.clone().restore(&ctx)?.result::<Value<'_>>() {
            Some(Err(error)) => Err(ScriptError::Failed(describe(&ctx, error))),
            _ => Ok(()),
        })
    }

    fn fire_due(&self) {
        let now = Instant::now();
        while let Some(id) = self.timers.take_due(now) {
            self.context.with(|ctx| {
                let fired =
                    self.fire.clone().restore(&ctx).and_then(|fire| fire.call::<_, ()>((id,)));
                if let Err(error) = fired {
                    self.report(&describe(&ctx, error));
                }
            });
            self.run_jobs();
        }
    }

    fn run_jobs(&self) {
        run_jobs(&self.context, |exception| self.report(exception));
    }

    fn report_rejections(&self) {
        let rejections = self.rejections.take();
        self.context.with(|ctx| {
            for [_, reason] in rejections {
                if let Ok(reason) = reason.restore(&ctx) {
                    self.report(&format!("in a promise: {}", describe_value(&reason)));
                }
            }
        });
    }

    fn report(&self, exception: &str) {
        report(&self.uncaught, exception);
    }
}

fn report(uncaught: &Cell<bool>, exception: &str) {
    uncaught.set(true);
    print(true, &format!("uncaught {exception}"));
}

/// Records each promise that is rejected without a handler, until it gets one.
fn track_rejections(runtime: &Runtime) -> Rejections {
    let rejections = Rejections::default();
    let noted = Rc::clone(&rejections);
    runtime.set_host_promise_rejection_tracker(Some(Box::new(
        move |ctx, promise, reason, handled| {
            let saved = [promise, reason].map(|value| Persistent::save(&ctx, value));
            let mut noted = noted.borrow_mut();
            if handled {
                noted.retain(|[promise, _]| *promise != saved[0]);
            } else {
                noted.push(saved);
            }
        },
    )));
    rejections
}

fn native<'js>(ctx: &Ctx<'js>, timers: &Rc<Timers>) -> rquickjs::Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    native.set(
        "print",
        Function::new(ctx.clone(), |to_error: bool, text: String| {
            print(to_error, &text);
        })?,
    )?;
    let set = Rc::clone(timers);
    native.set(
        "set",
        Function::new(ctx.clone(), move |id: u32, delay: f64| {
            set.set(id, Duration::from_secs_f64(delay / 1000.0));
        })?,
    )?;
    let clear = Rc::clone(timers);
    native.set("clear", Function::new(ctx.clone(), move |id: u32| clear.clear(id))?)?;
    Ok(native)
}

/// Prints a line. A reader that is gone is no reason to stop.
fn print(to_error: bool, text: &str) {
    let _ = match to_error {
        true => writeln!(io::stderr(), "{text}"),
        false => writeln!(io::stdout(), "{text}"),
    };
}

/// Finds the module, and files beside the one that imports them.
struct Files;

impl Resolver for Files {
    fn resolve<'js>(
        &mut self,
        _ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        if MODULE_NAMES.contains(&name) {
            return Ok(name.to_owned());
        }
        if !["./", "../", "/"].iter().any(|start| name.starts_with(start)) {
            return Err(Error::new_resolving(base, name));
        }
        let folder = Path::new(base).parent().unwrap_or_else(|| Path::new(""));
        let path = fs::canonicalize(folder.join(name))
            .map_err(|error| Error::new_resolving_message(base, name, error.to_string()))?;
        Ok(path.to_string_lossy().into_owned())
    }
}

impl Loader for Files {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        let source =
            fs::read(name).map_err(|error| Error::new_loading_message(name, error.to_string()))?;
        Module::declare(ctx.clone(), name, source)
    }
}
