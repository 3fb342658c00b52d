//! Documents lead where they say.

#[path = "common/watchdog.rs"]
mod watchdog;

use std::fs;
use std::path::{Path, PathBuf};

/// Links to files, in every document of this repository.
#[test]
fn every_link_to_a_file_leads_to_one() {
    let _bound = watchdog::bound();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is in the workspace");
    let mut documents = Vec::new();
    collect(root, &mut documents);
    assert!(documents.len() >= 5, "{documents:?}");
    let mut dead = Vec::new();
    for document in &documents {
        let text = fs::read_to_string(document).expect("it is text");
        let directory = document.parent().expect("it is a file");
        for (_, rest) in text.match_indices("](").map(|(at, _)| text.split_at(at + 2)) {
            let target = rest.split([')', '#', ' ']).next().expect("there is one part");
            let elsewhere = target.is_empty() || target.contains("://");
            if !elsewhere && !directory.join(target).exists() {
                dead.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

fn collect(directory: &Path, documents: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("it can be read") {
        let path = entry.expect("it can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !["corpus", "target"].contains(&&*name) && !name.starts_with('.') {
            collect(&path, documents);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            documents.push(path);
        }
    }
}
