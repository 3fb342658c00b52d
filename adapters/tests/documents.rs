//! Documents lead where they say.

#[path = "common/watchdog.rs"]
mod watchdog;

use std::fs;
use std::path::{Component, Path, PathBuf};

/// Where a page that is read elsewhere, such as the book, links to files of this repository.
const REPOSITORY: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/");

/// Links to files, in every document of this repository.
#[test]
fn every_link_to_a_file_leads_to_one() {
    let _bound = watchdog::bound();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is in the workspace");
    let book = root.join("docs/book/src");
    let mut documents = Vec::new();
    collect_files(root, "md", &mut documents);
    assert!(documents.len() >= 5, "{documents:?}");
    let mut dead = Vec::new();
    for document in &documents {
        let text = fs::read_to_string(document).expect("it is text");
        let directory = document.parent().expect("it is a file");
        for (_, rest) in text.match_indices("](").map(|(at, _)| text.split_at(at + 2)) {
            let target = rest.split([')', '#', ' ']).next().expect("there is one part");
            let path = match target.strip_prefix(REPOSITORY) {
                Some(path) => root.join(path),
                None if target.is_empty() || target.contains("://") => continue,
                // mdbook copies the book's own files, and nothing from outside.
                None if document.starts_with(&book) && leaves(document, target, &book) => {
                    dead.push(format!("{}: {target} is not in the book", document.display()));
                    continue;
                }
                None => directory.join(target),
            };
            if !path.exists() {
                dead.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

/// Whether a link from a page of the book goes up out of it.
fn leaves(page: &Path, target: &str, book: &Path) -> bool {
    let depth = page.strip_prefix(book).map_or(0, |page| page.components().count() - 1);
    Path::new(target).components().take_while(|part| *part == Component::ParentDir).count() > depth
}

/// A page that the summary lacks is not part of the book, and one that `book.rs` lacks is not tested.
#[test]
fn every_page_of_the_book_is_in_its_summary_and_tested() {
    let _bound = watchdog::bound();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is in the workspace");
    let book = root.join("docs/book/src");
    let summary = fs::read_to_string(book.join("SUMMARY.md")).expect("the summary");
    let tested = fs::read_to_string(root.join("adapters/src/book.rs")).expect("the tested pages");
    let mut pages = Vec::new();
    collect_files(&book, "md", &mut pages);
    assert!(pages.len() >= 20, "{pages:?}");
    let mut missing = Vec::new();
    for page in pages.iter().filter(|page| !page.ends_with("SUMMARY.md")) {
        let name = page.strip_prefix(&book).expect("it is in the book").display().to_string();
        if !summary.contains(&format!("({name})")) {
            missing.push(format!("{name} in SUMMARY.md"));
        }
        if !tested.contains(&format!("docs/book/src/{name}\"")) {
            missing.push(format!("{name} in adapters/src/book.rs"));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// CONTRIBUTING says so: a test that hangs would hold up everything.
#[test]
fn every_test_of_the_adapters_has_a_watchdog() {
    let _bound = watchdog::bound();
    let mut sources = Vec::new();
    collect_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), "rs", &mut sources);
    let mut unbound = Vec::new();
    for source in sources {
        let text = fs::read_to_string(&source).expect("it is text");
        let lines: Vec<_> = text.lines().collect();
        let run = text.split_once("\nfn run(").map(|(_, body)| body);
        let runs_bound = run.is_some_and(|body| {
            body.lines().take(3).any(|line| line.contains("watchdog::bound()"))
        });
        for (at, _) in lines.iter().enumerate().filter(|(_, line)| line.trim() == "#[test]") {
            let beginning = &lines[at..lines.len().min(at + 6)];
            let is_bound = |line: &&str| line.contains("watchdog::bound()");
            // Another test starts those that are ignored, and ends them.
            let is_ignored = |line: &&str| line.contains("#[ignore");
            // The file's own `run` binds one.
            let is_run = |line: &&str| line.contains("    run(") && runs_bound;
            if !beginning.iter().any(|line| is_bound(line) || is_ignored(line) || is_run(line)) {
                unbound.push(format!("{}:{}", source.display(), at + 1));
            }
        }
    }
    assert!(unbound.is_empty(), "{unbound:#?}");
}

fn collect_files(directory: &Path, extension: &str, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("it can be read") {
        let path = entry.expect("it can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !["corpus", "target"].contains(&&*name) && !name.starts_with('.') {
            collect_files(&path, extension, files);
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
}

/// Errors that show the text of another error, and nothing else.
const SAYS_ANOTHER: [&str; 1] = ["Rejection"];

/// Each crate reads its errors in `error_messages.rs`. A type that is missing there would escape
/// the rules for their texts.
#[test]
fn every_error_type_is_in_the_tests_of_error_texts() {
    let _bound = watchdog::bound();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is in the workspace");
    let mut missing = Vec::new();
    let mut count = 0;
    for part in ["core/src", "adapters/src"] {
        let mut sources = Vec::new();
        collect_files(&root.join(part), "rs", &mut sources);
        let tests = fs::read_to_string(root.join(part).join("error_messages.rs"));
        let tests = tests.expect("the tests of its error texts");
        for source in sources {
            let text = fs::read_to_string(&source).expect("it is text");
            for line in text.lines().filter(|line| line.starts_with("impl")) {
                let Some((_, name)) = line.split_once("::error::Error for ") else { continue };
                let name = name.trim_end_matches([' ', '{', '}']);
                if SAYS_ANOTHER.contains(&name) {
                    continue;
                }
                count += 1;
                if !tests.contains(&format!("{name}:")) && !tests.contains(&format!("{name} {{")) {
                    missing.push(format!("{name} in {}", source.display()));
                }
            }
        }
    }
    assert!(count >= 15, "only {count} types of errors were found");
    assert!(missing.is_empty(), "{missing:#?}");
}

/// `{:?}` shows a value as code. An error is a sentence.
#[test]
fn no_error_text_is_made_by_debug() {
    let _bound = watchdog::bound();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is in the workspace");
    let mut sources = Vec::new();
    for part in ["core/src", "adapters/src", "adapters/quickjs/src"] {
        collect_files(&root.join(part), "rs", &mut sources);
    }
    let mut found = Vec::new();
    for source in sources {
        // The testkit shows frames and steps to the author of a test, with the bytes in quotes.
        if source.components().any(|part| part.as_os_str() == "testkit") {
            continue;
        }
        let text = fs::read_to_string(&source).expect("it is text");
        let mut in_display = false;
        for line in text.lines() {
            if line.starts_with("impl") || line == "}" {
                in_display = line.contains("Display for");
            }
            let is_text = in_display || line.contains("let text = format!(");
            // `words` makes words of a variant's name.
            let in_words = line.contains("words(") || line.contains("{why:?}");
            if is_text && line.contains(":?}") && !in_words {
                found.push(format!("{}: {}", source.display(), line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
