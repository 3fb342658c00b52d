//! Lists the public items of both crates, with all their features, in `docs/public-api`: what a
//! change does to those who use them is seen there.
//!
//! ```sh
//! cargo run -p bluewire-spec-tests --features public-api --bin public_api
//! cargo run -p bluewire-spec-tests --features public-api --bin public_api -- --check
//! ```
//!
//! With `--check` nothing is written, and it fails if a list is not what it would write.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use public_api::Builder;

const CRATES: [&str; 2] = ["bluewire-core", "bluewire"];

/// Of the traits that the compiler implements by itself, `Send` and `Sync` are for the users.
const UNSAID: [&str; 5] = [
    "core::marker::Freeze for ",
    "core::marker::StructuralPartialEq for ",
    "core::marker::Unpin for ",
    "core::marker::UnsafeUnpin for ",
    "UnwindSafe for ",
];

fn main() -> ExitCode {
    let check = match env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [option] if option == "--check" => true,
        _ => {
            eprintln!("usage: public_api [--check]");
            return ExitCode::from(2);
        }
    };
    let mut code = ExitCode::SUCCESS;
    for name in CRATES {
        match keep(name, check) {
            Ok(true) => {}
            Ok(false) => code = ExitCode::FAILURE,
            Err(error) => {
                eprintln!("{name}: {error}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

/// Writes the list, or compares it with the one there is; whether that is as it must be.
fn keep(name: &str, check: bool) -> Result<bool, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no directory above")?;
    let path = root.join("docs/public-api").join(name).with_extension("txt");
    let list = list(root, name)?;
    if !check {
        fs::write(&path, list)?;
        return Ok(true);
    }
    let kept = fs::read_to_string(&path)?;
    let (kept, list) = (lines(&kept), lines(&list));
    for (gone, new) in [(true, kept.difference(&list)), (false, list.difference(&kept))] {
        for line in new {
            eprintln!("{name}: {}: {line}", if gone { "gone" } else { "new" });
        }
    }
    if kept != list {
        eprintln!("{name}: if that is meant, list it again with the bin public_api");
    }
    Ok(kept == list)
}

fn lines(text: &str) -> BTreeSet<&str> {
    text.lines().collect()
}

fn list(root: &Path, name: &str) -> Result<String, Box<dyn Error>> {
    // A directory of its own: the flags are not those of other builds.
    let target = root.join("target/public-api");
    let status = Command::new(env!("CARGO"))
        .current_dir(root)
        // The output of rustdoc as data is an option that is not stable yet.
        .env("RUSTC_BOOTSTRAP", "1")
        .args(["rustdoc", "--quiet", "--lib", "--all-features", "--package", name, "--target-dir"])
        .arg(&target)
        .args(["--", "-Zunstable-options", "--output-format", "json", "--cap-lints", "allow"])
        .status()?;
    if !status.success() {
        return Err("rustdoc has failed".into());
    }
    let json = target.join("doc").join(name.replace('-', "_")).with_extension("json");
    let api = Builder::from_rustdoc_json(json).omit_blanket_impls(true).build()?;
    let mut list = String::new();
    for item in api.items() {
        let line = item.to_string();
        if !UNSAID.iter().any(|unsaid| line.contains(unsaid)) {
            list.push_str(&line);
            list.push('\n');
        }
    }
    Ok(list)
}
