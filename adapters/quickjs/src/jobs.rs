//! Sources of our own, jobs (which are what promises wait for), and exceptions in words.

use rquickjs::context::EvalOptions;
use rquickjs::{Coerced, Context, Ctx, Error, FromJs, Function, Value};

/// The function that one of this crate's own sources is, with a name for stacks.
pub(crate) fn load<'js>(
    ctx: &Ctx<'js>,
    name: &str,
    source: &str,
) -> rquickjs::Result<Function<'js>> {
    let mut options = EvalOptions::default();
    options.filename = Some(name.to_owned());
    ctx.eval_with_options(source, options)
}

/// Runs jobs until none is left. `report` gets their exceptions.
pub(crate) fn run_jobs(context: &Context, report: impl Fn(&str)) {
    loop {
        match context.runtime().execute_pending_job() {
            Ok(true) => {}
            Ok(false) => return,
            Err(thrown) => thrown.0.with(|ctx| report(&describe_value(&ctx.catch()))),
        }
    }
}

/// An error in words: if it is an exception, its message and stack.
pub(crate) fn describe(ctx: &Ctx<'_>, error: Error) -> String {
    match error {
        Error::Exception => describe_value(&ctx.catch()),
        error => error.to_string(),
    }
}

/// An exception in words: its message, and its stack if it has one.
pub(crate) fn describe_value(value: &Value<'_>) -> String {
    let ctx = value.ctx();
    let mut text = match Coerced::<String>::from_js(ctx, value.clone()) {
        Ok(text) => text.0,
        Err(_) => {
            ctx.catch();
            "an exception that has no words".to_owned()
        }
    };
    if let Some(object) = value.as_object() {
        match object.get::<_, Option<String>>("stack") {
            Ok(Some(stack)) if !stack.is_empty() => {
                text.push('\n');
                text.push_str(stack.trim_end());
            }
            Ok(_) => {}
            Err(_) => drop(ctx.catch()),
        }
    }
    text
}
