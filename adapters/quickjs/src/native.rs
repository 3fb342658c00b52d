//! The functions that the JavaScript half calls. Numbers name the connections.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::mem;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bluewire::ConnectOptions;
use bluewire::facade::{CloseOptions, FailCode, ReadyState, SendOptions, WebSocket};
use bluewire::smol::websocketfactory;
use rquickjs::function::IntoJsFunc;
use rquickjs::{Ctx, Exception, Function, Object, Value};
use smol::Executor;

use crate::jobs::describe_value;
use crate::options::SocketsOptions;
use crate::sockets::{Told, tell};

/// The state that the native functions share. They live as long as the context, so it holds none of
/// its values.
pub(crate) struct State {
    connections: RefCell<HashMap<u32, Connection>>,
    next: Cell<u32>,
    unheld: Unheld,
    executor: Weak<Executor<'static>>,
    options: SocketsOptions,
    report: Box<dyn Fn(&str)>,
}

struct Connection {
    socket: WebSocket,
    hold: Weak<Hold>,
}

/// Numbers of objects that no callback waits for any more.
type Unheld = Arc<Mutex<Vec<u32>>>;

/// Is held by each callback that the facade keeps, and so says when the object may go.
struct Hold {
    id: u32,
    unheld: Unheld,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.unheld.lock().unwrap_or_else(PoisonError::into_inner).push(self.id);
    }
}

impl State {
    pub(crate) fn new(
        executor: &Arc<Executor<'static>>,
        options: SocketsOptions,
        report: impl Fn(&str) + 'static,
    ) -> Self {
        Self {
            connections: RefCell::default(),
            next: Cell::new(0),
            unheld: Unheld::default(),
            executor: Arc::downgrade(executor),
            options,
            report: Box::new(report),
        }
    }

    pub(crate) fn report(&self, exception: &str) {
        (self.report)(exception);
    }

    /// The objects that may go, as far as callbacks are concerned.
    pub(crate) fn take_unheld(&self) -> Vec<u32> {
        let mut unheld =
            mem::take(&mut *self.unheld.lock().unwrap_or_else(PoisonError::into_inner));
        let connections = self.connections.borrow();
        // Not if a callback was set meanwhile.
        unheld.retain(|id| connections.get(id).is_none_or(|it| it.hold.strong_count() == 0));
        unheld
    }

    /// Begins a connection to this URL, unless the host of the script does not allow that.
    fn create(&self, url: String, header: Pairs, protocols: Vec<String>) -> Result<u32, String> {
        if !self.options.allows(&url) {
            return Err("the host of this script does not allow ws+unix: URLs".to_owned());
        }
        let mut options = ConnectOptions::new(url).protocols(protocols);
        for pair in header {
            if let Ok([name, value]) = <[String; 2]>::try_from(pair) {
                options = options.header(name, value);
            }
        }
        let executor = self.executor.upgrade().ok_or("the program is ending")?;
        let socket =
            websocketfactory::create_on(&executor, options).map_err(|error| error.to_string())?;
        let mut connections = self.connections.borrow_mut();
        let mut id = self.next.get();
        while connections.contains_key(&id) {
            id = id.wrapping_add(1);
        }
        self.next.set(id.wrapping_add(1));
        connections.insert(id, Connection { socket, hold: Weak::new() });
        Ok(id)
    }

    fn socket(&self, id: u32) -> Option<WebSocket> {
        self.connections.borrow().get(&id).map(|connection| connection.socket.clone())
    }

    /// Takes the handle out, and lets it go where nothing is borrowed.
    fn release(&self, id: u32) {
        let released = self.connections.borrow_mut().remove(&id);
        drop(released);
    }

    fn hold(&self, id: u32) -> Option<(WebSocket, Arc<Hold>)> {
        let mut connections = self.connections.borrow_mut();
        let connection = connections.get_mut(&id)?;
        let hold = connection
            .hold
            .upgrade()
            .unwrap_or_else(|| Arc::new(Hold { id, unheld: Arc::clone(&self.unheld) }));
        connection.hold = Arc::downgrade(&hold);
        Some((connection.socket.clone(), hold))
    }

    fn listen(&self, id: u32, kind: u32) {
        let Some((socket, hold)) = self.hold(id) else { return };
        match kind {
            0 => socket.on_open(move || tell(hold.id, Told::Open)),
            1 => socket.on_message(move |message| tell(hold.id, Told::Message(message))),
            2 => socket.on_close(move |close| tell(hold.id, Told::Close(close))),
            _ => socket.on_error(move |error| tell(hold.id, Told::Error(&error.data))),
        }
    }

    fn ignore(&self, id: u32, kind: u32) {
        let Some(socket) = self.socket(id) else { return };
        match kind {
            0 => socket.clear_on_open(),
            1 => socket.clear_on_message(),
            2 => socket.clear_on_close(),
            _ => socket.clear_on_error(),
        }
    }

    fn send(&self, id: u32, options: SendOptions, outcome: u32) {
        let Some(socket) = self.socket(id) else { return };
        socket.send(match outcome {
            0 => options,
            _ => options
                .success(move || tell(outcome, Told::Success))
                .fail(move |data, code| fail(outcome, data, code)),
        });
    }

    fn close(&self, id: u32, code: Option<u16>, reason: Option<String>, outcome: u32) {
        let Some(socket) = self.socket(id) else { return };
        let mut options = CloseOptions::default();
        if let Some(code) = code {
            options = options.code(code);
        }
        if let Some(reason) = reason {
            options = options.reason(reason);
        }
        socket.close(match outcome {
            0 => options,
            _ => options
                .success(move || tell(outcome, Told::Success))
                .fail(move |data, code| fail(outcome, data, code)),
        });
    }
}

fn fail(outcome: u32, data: &str, code: FailCode) {
    tell(outcome, Told::Fail(data, code.value()));
}

/// The object of native functions.
pub(crate) fn functions<'js>(ctx: &Ctx<'js>, state: &Rc<State>) -> rquickjs::Result<Object<'js>> {
    let native = Functions { ctx, object: Object::new(ctx.clone())? };
    let it = || Rc::clone(state);

    let state = it();
    native.add(
        "create",
        move |ctx: Ctx<'js>, url: String, header: Pairs, protocols: Vec<String>| {
            let created = state.create(url, header, protocols);
            created.map_err(|error| Exception::throw_type(&ctx, &error))
        },
    )?;
    let state = it();
    native.add("sendText", move |id: u32, text: String, outcome: u32| {
        state.send(id, text.into(), outcome);
    })?;
    let state = it();
    // As base64, because there is no safe way to read a buffer's memory.
    native.add("sendBinary", move |ctx: Ctx<'js>, id: u32, base64: String, outcome: u32| {
        let bytes = BASE64_STANDARD
            .decode(base64)
            .map_err(|error| Exception::throw_internal(&ctx, &error.to_string()))?;
        state.send(id, bytes.into(), outcome);
        rquickjs::Result::Ok(())
    })?;
    let state = it();
    native.add(
        "close",
        move |id: u32, code: Option<u16>, reason: Option<String>, outcome: u32| {
            state.close(id, code, reason, outcome);
        },
    )?;
    let state = it();
    native.add("listen", move |id: u32, kind: u32| state.listen(id, kind))?;
    let state = it();
    native.add("ignore", move |id: u32, kind: u32| state.ignore(id, kind))?;
    let state = it();
    native.add("release", move |id: u32| state.release(id))?;
    let state = it();
    native.add("report", move |exception: Value<'js>| state.report(&describe_value(&exception)))?;
    native.questions(&it)?;
    Ok(native.object)
}

type Pairs = Vec<Vec<String>>;

struct Functions<'a, 'js> {
    ctx: &'a Ctx<'js>,
    object: Object<'js>,
}

impl<'js> Functions<'_, 'js> {
    fn add<P>(&self, name: &str, function: impl IntoJsFunc<'js, P> + 'js) -> rquickjs::Result<()> {
        self.object.set(name, Function::new(self.ctx.clone(), function)?)
    }

    /// The functions that ask about a connection.
    fn questions(&self, it: &impl Fn() -> Rc<State>) -> rquickjs::Result<()> {
        let state = it();
        self.add("readyState", move |id: u32| match state.socket(id)?.ready_state() {
            ReadyState::Connecting => Some(0),
            ReadyState::Open => Some(1),
            ReadyState::Closing => Some(2),
            ReadyState::Closed => Some(3),
        })?;
        let state = it();
        // A script counts in numbers of 53 bits, which is more than memory.
        #[expect(clippy::cast_precision_loss, reason = "no outbox is that long")]
        self.add(
            "bufferedAmount",
            move |id: u32| Some(state.socket(id)?.buffered_amount() as f64),
        )?;
        let state = it();
        self.add("url", move |id: u32| Some(state.socket(id)?.url().to_owned()))?;
        let state = it();
        self.add("protocol", move |id: u32| {
            Some(state.socket(id)?.protocol().unwrap_or_default())
        })?;
        let state = it();
        self.add("extensions", move |id: u32| Some(state.socket(id)?.extensions()))?;
        let state = it();
        // They are handed over one by one: the other half makes the object.
        self.add("responseHeaders", move |id: u32, add: Function<'js>| {
            let Some(response) = state.socket(id).and_then(|socket| socket.response()) else {
                return Ok(false);
            };
            for (name, value) in response.headers().iter() {
                let value = String::from_utf8_lossy(value);
                add.call::<_, ()>((name.to_ascii_lowercase(), &*value))?;
            }
            rquickjs::Result::Ok(true)
        })
    }
}
