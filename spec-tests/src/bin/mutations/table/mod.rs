//! The mutations.

mod closing;
mod deflate;
mod framing;
mod opening;
mod sending;

use std::borrow::Cow;
use std::fmt;

/// A rule of the engine's, broken.
#[derive(Debug)]
pub(crate) struct Mutation {
    /// The fault that it plants into the engine.
    pub(crate) name: &'static str,
    /// The requirement that it breaks.
    pub(crate) breaks: &'static str,
    /// How it is done.
    pub(crate) edits: &'static [Edit],
    /// Who must notice, at the least.
    pub(crate) caught_by: &'static [Witness],
}

/// One place in a source.
#[derive(Debug)]
pub(crate) struct Edit {
    /// The file, seen from the root of the workspace.
    pub(crate) file: &'static str,
    /// The text that stands there, once.
    pub(crate) from: &'static str,
    /// The text that replaces it.
    pub(crate) to: &'static str,
}

/// Something that fails on a mutated engine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Witness {
    /// A case, by its id.
    Case(Cow<'static, str>),
    /// A test of this crate, by its file and its name.
    Test(Cow<'static, str>, Cow<'static, str>),
}

impl Mutation {
    /// The groups of cases with compression to run, such as 13.3: all would take too long.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &str> {
        self.caught_by.iter().filter_map(|witness| match witness {
            Witness::Case(id) if id.starts_with("12.") || id.starts_with("13.") => {
                Some(id.rsplit_once('.')?.0)
            }
            _ => None,
        })
    }

    /// The files of tests to run.
    pub(crate) fn test_files(&self) -> impl Iterator<Item = &'static str> {
        self.caught_by.iter().filter_map(|witness| match witness {
            Witness::Test(Cow::Borrowed(file), _) => Some(*file),
            _ => None,
        })
    }
}

impl Edit {
    /// The source with this edit made.
    pub(crate) fn apply(&self, source: &str) -> Result<String, String> {
        match source.matches(self.from).count() {
            1 => Ok(source.replace(self.from, self.to)),
            count => Err(format!("{} has {count} times: {}", self.file, self.from)),
        }
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Case(id) => f.write_str(id),
            Self::Test(file, name) => write!(f, "{file}::{name}"),
        }
    }
}

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Mutation> {
    let tables = [framing::TABLE, closing::TABLE, sending::TABLE, opening::TABLE, deflate::TABLE];
    tables.into_iter().flatten()
}

const fn edit(file: &'static str, from: &'static str, to: &'static str) -> Edit {
    Edit { file, from, to }
}

const fn case(id: &'static str) -> Witness {
    Witness::Case(Cow::Borrowed(id))
}

const fn test(file: &'static str, name: &'static str) -> Witness {
    Witness::Test(Cow::Borrowed(file), Cow::Borrowed(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_applies_where_its_text_stands_once() {
        let edit = edit("a.rs", "if x {", "if !x {");
        assert_eq!(edit.apply("if x { y }").as_deref(), Ok("if !x { y }"));
        assert!(edit.apply("if y {}").is_err());
        assert!(edit.apply("if x {} if x {}").is_err());
    }
}
