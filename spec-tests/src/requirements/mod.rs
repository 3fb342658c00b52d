//! The RFCs' requirements for a library, one by one, in this project's words.
//!
//! Each requirement has a name made of the RFC, the section and a number within it, such as
//! `6455-5.1-2`. A test says which ones it proves, by [`covers!`](crate::covers) here and by a
//! comment `// Covers: 6455-5.1-2, 6455-5.1-4` in the other crates; [`matrix`](crate::matrix)
//! collects them.

mod closing;
mod deflate;
mod framing;
mod http;
mod opening;

use std::fmt;

/// Something that an RFC demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// RFC, section, number: `6455-5.1-2`.
    pub id: &'static str,
    /// Whom it binds.
    pub binds: Binds,
    /// How strictly.
    pub level: Level,
    /// The text of the requirement.
    pub text: &'static str,
    /// Why no test can prove it, where that is so.
    pub untestable: Option<&'static str>,
}

/// Whom a requirement binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binds {
    /// A client.
    Client,
    /// A server.
    Server,
    /// Either end.
    Both,
}

/// How strictly, in the words of RFC 2119.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// MUST.
    Must,
    /// MUST NOT.
    MustNot,
    /// SHOULD.
    Should,
    /// SHOULD NOT.
    ShouldNot,
    /// MAY: allowed, and worth a test that it works.
    May,
}

impl Requirement {
    /// The RFC and the section, such as `RFC 6455, 5.1`.
    #[must_use]
    pub fn section(&self) -> String {
        let (rfc, rest) = self.id.split_once('-').unwrap_or((self.id, ""));
        let (section, _) = rest.rsplit_once('-').unwrap_or((rest, ""));
        format!("RFC {rfc}, {section}")
    }

    const fn untestable(self, why: &'static str) -> Self {
        Self { untestable: Some(why), ..self }
    }
}

const fn must(binds: Binds, id: &'static str, text: &'static str) -> Requirement {
    Requirement { id, binds, level: Level::Must, text, untestable: None }
}

const fn must_not(binds: Binds, id: &'static str, text: &'static str) -> Requirement {
    Requirement { id, binds, level: Level::MustNot, text, untestable: None }
}

const fn should(binds: Binds, id: &'static str, text: &'static str) -> Requirement {
    Requirement { id, binds, level: Level::Should, text, untestable: None }
}

const fn should_not(binds: Binds, id: &'static str, text: &'static str) -> Requirement {
    Requirement { id, binds, level: Level::ShouldNot, text, untestable: None }
}

const fn may(binds: Binds, id: &'static str, text: &'static str) -> Requirement {
    Requirement { id, binds, level: Level::May, text, untestable: None }
}

const TABLES: [&[Requirement]; 5] =
    [opening::TABLE, framing::TABLE, closing::TABLE, http::TABLE, deflate::TABLE];

/// All requirements, in the order of the RFCs.
pub fn all() -> impl Iterator<Item = &'static Requirement> {
    TABLES.into_iter().flatten()
}

/// Whether a requirement of that name exists; for [`covers!`](crate::covers), at compile time.
#[must_use]
pub const fn is_known(id: &str) -> bool {
    let mut table = 0;
    while table < TABLES.len() {
        let mut row = 0;
        while row < TABLES[table].len() {
            if is_equal(TABLES[table][row].id.as_bytes(), id.as_bytes()) {
                return true;
            }
            row += 1;
        }
        table += 1;
    }
    false
}

const fn is_equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Says which requirements a test proves. A name that does not exist does not compile.
///
/// ```
/// bluewire_spec_tests::covers!("6455-5.1-1", "6455-5.1-4");
/// ```
#[macro_export]
macro_rules! covers {
    ($($id:literal),+ $(,)?) => {
        $(const _: () = assert!(
            $crate::requirements::is_known($id),
            concat!($id, " is the name of no requirement")
        );)+
    };
}

impl fmt::Display for Binds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Both => "both",
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Must => "MUST",
            Self::MustNot => "MUST NOT",
            Self::Should => "SHOULD",
            Self::ShouldNot => "SHOULD NOT",
            Self::May => "MAY",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_name_is_there_once() {
        let mut seen = HashSet::new();
        assert!(all().all(|requirement| seen.insert(requirement.id)));
        assert!(all().all(|requirement| is_known(requirement.id)));
        assert!(!is_known("6455-5.1-99") && !is_known(""));
    }

    #[test]
    fn a_name_tells_its_section() {
        let requirement = all().find(|requirement| requirement.id == "7692-7.1.2.1-1");
        assert_eq!(requirement.map(Requirement::section).as_deref(), Some("RFC 7692, 7.1.2.1"));
    }
}
