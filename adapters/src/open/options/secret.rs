//! Values of the caller that `Debug` must not show.

use std::fmt;

use crate::open::url::Url;

/// A URL, checked or not.
#[derive(Clone)]
pub(crate) enum UrlText {
    Unchecked(String),
    Checked(Url),
}

/// Without user name, password and query.
impl fmt::Debug for UrlText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchecked(text) => match text.parse::<Url>() {
                Ok(url) => url.fmt(f),
                Err(error) => error.fmt(f),
            },
            Self::Checked(url) => url.fmt(f),
        }
    }
}

/// Names and values.
#[derive(Clone, Default)]
pub(crate) struct HeaderList(pub(crate) Vec<(String, String)>);

impl HeaderList {
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
    }
}

/// Names only: values can be secrets.
impl fmt::Debug for HeaderList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
