//! The modules of the engine use each other in one direction only: none uses one that uses it,
//! however many stand between.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, iter};

/// Of each module, the modules that it names.
type Uses = BTreeMap<String, BTreeSet<String>>;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The code of each module, without comments and without its own tests.
fn modules() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    let mut modules = BTreeMap::new();
    for path in paths {
        let name = path.strip_prefix(&root).expect("below it").with_extension("");
        let name: Vec<_> = name.iter().map(|part| part.to_str().expect("ASCII")).collect();
        let name = name.join("::").trim_end_matches("::mod").to_owned();
        let text = fs::read_to_string(&path).expect("a source");
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
        modules.insert(name, lines.collect::<Vec<_>>().join("\n"));
    }
    // The crate's root names all of them, and so does what reads all messages.
    assert!(modules.remove("lib").is_some() && modules.remove("error_messages").is_some());
    modules
}

/// The paths behind each `start` in the code, one for each item in braces.
fn paths<'c>(code: &'c str, start: &'c str) -> impl Iterator<Item = String> + 'c {
    code.split(start).skip(1).flat_map(|rest| {
        let end = rest.find(|char: char| !char.is_alphanumeric() && !"_:".contains(char));
        let path = &rest[..end.unwrap_or(rest.len())];
        let braces = rest[path.len()..].strip_prefix('{').and_then(|rest| rest.split('}').next());
        let items: Vec<_> = match braces {
            Some(items) => {
                let items = items.split(',').map(str::trim).filter(|item| !item.is_empty());
                items.map(|item| format!("{path}{item}")).collect()
            }
            None => vec![path.to_owned()],
        };
        items
    })
}

fn uses(modules: &BTreeMap<String, String>) -> Uses {
    // The front of the crate, or of a folder, only hands on items of its modules.
    let public = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs"));
    let public = public.expect("the front");
    let mut origins = BTreeMap::new();
    for path in paths(&public, "pub use ") {
        let (module, item) = path.rsplit_once("::").expect("a module and an item");
        origins.insert(item.to_owned(), module.to_owned());
    }
    let resolve = |path: &str| {
        let first = path.split("::").next().unwrap_or_default();
        let path = match origins.get(first) {
            Some(module) => format!("{module}::{path}"),
            None => path.to_owned(),
        };
        let longest = iter::successors(Some(&*path), |path| Some(path.rsplit_once("::")?.0));
        longest.into_iter().find(|path| modules.contains_key(*path)).map(str::to_owned)
    };
    let mut uses = Uses::new();
    for (name, code) in modules {
        let own = uses.entry(name.clone()).or_default();
        own.extend(paths(code, "crate::").filter_map(|path| resolve(&path)));
        let parent = name.rsplit_once("::").map_or("", |(parent, _)| parent);
        let beside = paths(code, "super::").map(|path| format!("{parent}::{path}"));
        own.extend(beside.filter_map(|path| resolve(&path)));
        let below = paths(code, "use ").map(|path| format!("{name}::{path}"));
        own.extend(below.filter_map(|path| resolve(&path)));
        own.remove(name);
    }
    uses
}

/// Takes away, again and again, the modules that use none that is left.
fn circles(mut uses: Uses) -> Uses {
    loop {
        let leaves: BTreeSet<_> =
            uses.iter().filter(|(_, used)| used.is_empty()).map(|(name, _)| name.clone()).collect();
        if leaves.is_empty() {
            return uses;
        }
        uses.retain(|name, _| !leaves.contains(name));
        for used in uses.values_mut() {
            used.retain(|name| !leaves.contains(name));
        }
    }
}

#[test]
fn no_module_uses_one_that_uses_it() {
    let modules = modules();
    let uses = uses(&modules);
    assert!(
        uses["connection"].contains("receiving") && uses["handshake"].contains("handshake::key")
    );
    assert_eq!(circles(uses), Uses::new());
}

/// The same for whole folders.
#[test]
fn no_folder_uses_one_that_uses_it() {
    let top = |name: &str| name.split("::").next().unwrap_or_default().to_owned();
    let mut folders = Uses::new();
    for (name, used) in uses(&modules()) {
        let folder = top(&name);
        let others = used.iter().map(|name| top(name)).filter(|other| *other != folder);
        folders.entry(folder.clone()).or_default().extend(others);
    }
    assert!(folders["handshake"].contains("grammar"));
    assert_eq!(circles(folders), Uses::new());
}

#[test]
fn a_circle_is_found() {
    let uses = |edges: &[(&str, &[&str])]| -> Uses {
        let set = |used: &[&str]| used.iter().map(|name| (*name).to_owned()).collect();
        edges.iter().map(|(name, used)| ((*name).to_owned(), set(used))).collect()
    };
    assert!(circles(uses(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])])).is_empty());
    let circle = circles(uses(&[("a", &["b"]), ("b", &["c"]), ("c", &["b", "d"]), ("d", &[])]));
    assert!(circle.contains_key("b") && circle.contains_key("c") && !circle.contains_key("d"));
}
