//! The requirement matrix: which test proves which requirement.
//!
//! The tests' sources are the only list: a test names what it proves in its own body, and this
//! reads them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::requirements::{self, Requirement};

/// Where tests are, seen from the root of the workspace.
const SOURCES: [&str; 6] = [
    "adapters/src",
    "adapters/tests",
    "core/src",
    "core/tests",
    "spec-tests/src",
    "spec-tests/tests",
];

/// The tests that prove each requirement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    tests: BTreeMap<String, Vec<Test>>,
}

/// A test that names requirements.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Test {
    /// The file, seen from the root of the workspace.
    pub file: String,
    /// The function.
    pub name: String,
}

impl Coverage {
    /// Reads the sources of the workspace.
    ///
    /// # Errors
    ///
    /// When a source cannot be read, or one names requirements that do not exist or names them
    /// outside of a test.
    pub fn collect() -> io::Result<Self> {
        let root = workspace();
        let mut coverage = Self::default();
        for folder in SOURCES {
            for path in rust_files(&root.join(folder))? {
                let file = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
                let text = fs::read_to_string(&path)?;
                coverage.read(&file, &text).map_err(io::Error::other)?;
            }
        }
        Ok(coverage)
    }

    /// Reads one source.
    ///
    /// # Errors
    ///
    /// Its fault, in words.
    pub fn read(&mut self, file: &str, text: &str) -> Result<(), String> {
        let mut test = None;
        let mut is_test = false;
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            if line.starts_with("#[") && line.contains("test") && !line.contains("cfg") {
                is_test = true;
            } else if let Some(name) = function_name(line) {
                test = (is_test || is_written_out(line)).then(|| name.to_owned());
                is_test = false;
            }
            for id in named(line, &mut lines) {
                let Some(name) = test.clone() else {
                    return Err(format!("{file}: {id} is named outside of a test"));
                };
                if !requirements::is_known(&id) {
                    return Err(format!("{file}: {name}: there is no requirement {id}"));
                }
                self.tests.entry(id).or_default().push(Test { file: file.into(), name });
            }
        }
        Ok(())
    }

    /// The tests that prove a requirement.
    #[must_use]
    pub fn tests(&self, id: &str) -> &[Test] {
        self.tests.get(id).map_or(&[], Vec::as_slice)
    }

    /// The requirements that no test proves, though one could.
    pub fn missing(&self) -> impl Iterator<Item = &'static Requirement> {
        requirements::all().filter(|requirement| {
            requirement.untestable.is_none() && self.tests(requirement.id).is_empty()
        })
    }

    /// The matrix as a page.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let all = requirements::all().count();
        let covered = requirements::all().filter(|r| !self.tests(r.id).is_empty()).count();
        let untestable = requirements::all().filter(|r| r.untestable.is_some()).count();
        let mut out = format!(
            "# Requirements and their tests\n\nMade by `cargo run -p bluewire-spec-tests -- \
             --matrix`; a test says when it is out of date.\n\nOf {all} requirements {covered} \
             have a test, {untestable} cannot have one, {} are still to come.\n",
            self.missing().count(),
        );
        let mut section = String::new();
        for requirement in requirements::all() {
            if requirement.section() != section {
                section = requirement.section();
                let _ = write!(
                    out,
                    "\n## {section}\n\n| | | | requirement | tests |\n|---|---|---|---|---|\n"
                );
            }
            self.write_row(&mut out, requirement);
        }
        out
    }

    fn write_row(&self, out: &mut String, requirement: &Requirement) {
        let Requirement { id, binds, level, text, untestable } = requirement;
        let tests: Vec<_> =
            self.tests(id).iter().map(|test| format!("{} `{}`", test.file, test.name)).collect();
        let tests = match untestable {
            Some(why) => format!("none: {why}"),
            None if tests.is_empty() => "**to come**".into(),
            None => tests.join("<br>"),
        };
        let _ = writeln!(out, "| {id} | {binds} | {level} | {text} | {tests} |");
    }
}

/// Where the matrix is kept.
#[must_use]
pub fn path() -> PathBuf {
    workspace().join("spec-tests/MATRIX.md")
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a folder of the workspace").into()
}

/// All sources in a folder and below, in order; none if it does not exist.
fn rust_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn function_name(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    let (name, _) = line.strip_prefix("fn ")?.split_once(['(', '<'])?;
    Some(name)
}

/// Whether a macro makes tests of this function, one for each adapter: its parameter has no type.
fn is_written_out(line: &str) -> bool {
    let params = line.split_once('(').and_then(|(_, rest)| rest.strip_suffix(") {"));
    params.is_some_and(|params| !params.is_empty() && !params.contains([':', '(']))
}

/// The requirements that a line names, with the lines after it if the macro goes on there.
fn named<'a>(line: &'a str, rest: &mut impl Iterator<Item = &'a str>) -> Vec<String> {
    if let Some(names) = line.strip_prefix("// Covers: ") {
        return names.split(',').map(|name| name.trim().into()).collect();
    }
    let Some(start) = line.strip_prefix("covers!(") else {
        return Vec::new();
    };
    let mut text = start.to_owned();
    while !text.contains(')') {
        let Some(line) = rest.next() else {
            break;
        };
        text += line;
    }
    text.split('"').skip(1).step_by(2).map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Coverage, String> {
        let mut coverage = Coverage::default();
        coverage.read("a.rs", text).map(|()| coverage)
    }

    #[test]
    fn names_are_found_in_both_forms() {
        let text = "#[test]\nfn one() {\n    covers!(\n        \"6455-5.1-1\",\n    );\n}\n\
                    #[test]\nfn two() {\n    // Covers: 6455-5.1-1, 6455-5.1-2\n}";
        let coverage = read(text).expect("nothing wrong");
        let names = |id| coverage.tests(id).iter().map(|t| t.name.as_str()).collect::<Vec<_>>();
        assert_eq!(names("6455-5.1-1"), ["one", "two"]);
        assert_eq!(names("6455-5.1-2"), ["two"]);
    }

    #[test]
    fn a_test_that_is_written_once_for_each_adapter_counts() {
        let coverage = read("on_both! {\nfn one(adapter) {\n// Covers: 6455-5.1-1\n}\n}");
        let coverage = coverage.expect("nothing wrong");
        assert_eq!(coverage.tests("6455-5.1-1").len(), 1);
    }

    #[test]
    fn only_tests_count_as_proof() {
        assert!(read("fn one(self) -> u8 {\n// Covers: 6455-5.1-1\n}").is_err());
        assert!(read("fn one(adapter: Adapter) {\n// Covers: 6455-5.1-1\n}").is_err());
        assert!(read("fn one() {\n    covers!(\"6455-5.1-1\");\n}").is_err());
        assert!(read("#[test]\nfn one() {}\nfn two() {\n// Covers: 6455-5.1-1\n}").is_err());
        assert!(read("#[test]\nfn one() {\n// Covers: 6455-5.1-99\n}").is_err());
    }
}
