//! The runner: what a script finds, and what becomes of one that fails.

use std::fs;
use std::path::PathBuf;

use crate::run::{Ended, echo, promised, run, run_path};

/// Runs a script of this text.
fn run_text(name: &str, text: &str) -> Ended {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("{name}.js"));
    fs::write(&path, text).expect("there is room");
    run_path(&path, &["argument"], |_, _| {})
}

fn expect_failure(name: &str, text: &str, stdout: &str, stderr: &[&str]) {
    let ended = run_text(name, text);
    assert_eq!((&*ended.stdout, ended.status.code()), (stdout, Some(1)), "{}", ended.stderr);
    for part in stderr {
        assert!(ended.stderr.contains(part), "{part} in {}", ended.stderr);
    }
}

#[test]
fn console_and_timers() {
    let ended = run("world.js", &["argument"]);
    assert_eq!((&*ended.stdout, &*ended.stderr), (&*promised("world.js"), "warn\nerror 1\n"));
    assert!(ended.status.success());
}

#[test]
fn a_script_that_throws_ends_with_message_and_stack() {
    let text = "setTimeout(() => console.log('never'), 1);\n\
                function thrower() { throw new RangeError('too much'); }\nthrower();";
    expect_failure("throws", text, "", &["RangeError: too much\n", "at thrower (", "throws.js:2:"]);
}

#[test]
fn a_script_that_throws_late_ends_as_well() {
    let text = "setInterval(() => {}, 10);\nawait new Promise((go) => setTimeout(go, 1));\n\
                throw new Error('late');";
    expect_failure("throws_late", text, "", &["Error: late\n", "throws_late.js:3:"]);
}

#[test]
fn a_script_that_cannot_be_compiled_or_found_ends() {
    expect_failure("syntax", "let let = 1;", "", &["SyntaxError: ", "syntax.js:1"]);
    expect_failure("missing", "import './nothing.js';", "", &["nothing.js"]);
    let ended = run("nothing.js", &[]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("nothing.js cannot be read"), "{}", ended.stderr);
}

#[test]
fn a_rejection_without_a_handler_is_reported() {
    let text = "Promise.reject(new Error('rejected'));\n\
                setTimeout(() => console.log('it goes on'), 1);";
    let stderr = ["Error: rejected\n", "rejection.js:1:"];
    expect_failure("rejection", text, "it goes on\n", &stderr);
    let text = "const promise = Promise.reject(1); promise.catch(() => console.log('handled'));";
    run_text("handled", text).expect("handled\n");
}

#[test]
fn an_exception_in_a_timer_or_job_is_reported() {
    let text = "setTimeout(() => { throw new Error('in a timer'); }, 1);\n\
                queueMicrotask(() => { throw new Error('in a job'); });\n\
                queueMicrotask(() => { throw { toString: null }; });\n\
                setTimeout(() => console.log('it goes on'), 20);";
    expect_failure("timer", text, "it goes on\n", &["in a timer\n", "in a job\n", "timer.js:1:"]);
}

#[test]
fn a_script_that_waits_for_what_never_comes_ends() {
    expect_failure("waits", "await new Promise(() => {});", "", &["waits for what never comes"]);
}

#[test]
fn an_exception_in_a_callback_is_reported_and_stops_nothing() {
    let ended = run("exceptions.js", &[&echo()]);
    assert_eq!(ended.stdout, promised("exceptions.js"));
    assert_eq!(ended.status.code(), Some(1));
    for word in ["open", "message", "success", "fail", "close", "argument", "promise"] {
        assert!(ended.stderr.contains(&format!("Error: in {word}\n")), "{word}: {}", ended.stderr);
    }
    assert!(ended.stderr.contains("exceptions.js:"), "{}", ended.stderr);
}
