//! What the caller gave that `Debug` must not show.

use std::fmt;

use crate::url::Url;

/// A URL that has not been checked.
#[derive(Clone)]
pub(crate) struct UrlText(pub(crate) String);

/// Without user name and password.
impl fmt::Debug for UrlText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.parse::<Url>() {
            Ok(url) => url.fmt(f),
            Err(error) => error.fmt(f),
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

#[cfg(test)]
mod tests {
    use crate::ConnectOptions;

    #[test]
    fn options_show_neither_passwords_nor_the_values_of_headers() {
        let urls = ["wss://me:secret@h/a", "wss://me:secret@h:x/", "me:secret@h", "ws://secret%@h"];
        for url in urls {
            let options = ConnectOptions::new(url)
                .header("Authorization", "Bearer secret")
                .header("Cookie", "secret");
            let shown = format!("{options:?}");
            assert!(!shown.contains("secret"), "{shown}");
            assert!(shown.contains(r#"["Authorization", "Cookie"]"#), "{shown}");
        }
        let shown = format!("{:?}", ConnectOptions::new(urls[0]));
        assert!(shown.contains("url: Url(wss://h/a)"), "{shown}");
    }
}
