//! Extensions (section 9): the grammar of their negotiation, read and written.
//!
//! 9.1: `extension-list = 1#extension`,
//! `extension = extension-token *( ";" extension-param )`,
//! `extension-param = token [ "=" (token | quoted-string) ]`.
//!
//! A list is read in one pass without memory of its own; what an element says is read from where
//! it lies in the head. An element is checked once, when the list is, and read again by whoever
//! wants to know it.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use crate::grammar::{is_token, is_token_byte};

/// One element of `Sec-WebSocket-Extensions`: an extension's name and its parameters, as a client
/// offers it or a server agrees to it.
///
/// Displayed, it is that element in its shortest spelling.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ExtensionItem<'a> {
    name: &'a str,
    /// The text behind the name; the grammar is checked.
    params: &'a str,
}

impl<'a> ExtensionItem<'a> {
    /// The extension's name, such as `permessage-deflate`.
    #[must_use]
    pub const fn name(self) -> &'a str {
        self.name
    }

    /// The parameters in their order: a name, and a value where there is one. A quoted value has
    /// lost its quotes; it is a token like the others.
    pub fn params(self) -> impl Iterator<Item = (&'a str, Option<Cow<'a, str>>)> {
        let mut reader = Reader::new(self.params);
        // The grammar was checked when the list was read: there is no error to come.
        core::iter::from_fn(move || reader.param().ok().flatten())
            .map(|param| (param.name, param.value))
    }
}

impl fmt::Debug for ExtensionItem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExtensionItem({self})")
    }
}

impl fmt::Display for ExtensionItem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        for (name, value) in self.params() {
            write!(f, "; {name}")?;
            if let Some(value) = value {
                write!(f, "={value}")?;
            }
        }
        Ok(())
    }
}

/// `extension-param`, its value without quotes.
struct Param<'a> {
    name: &'a str,
    value: Option<Cow<'a, str>>,
}

/// The text breaks the grammar of 9.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidList;

/// The elements of one header line, in order. After an error it ends.
#[derive(Clone, Debug)]
pub(crate) struct ExtensionList<'a>(Reader<'a>);

impl<'a> ExtensionList<'a> {
    /// Begins to read a header line's value.
    pub(crate) fn new(value: &'a [u8]) -> Self {
        // Invalid UTF-8 is no token either. A NUL stands for it, which fails as one.
        Self(Reader::new(core::str::from_utf8(value).unwrap_or("\0")))
    }
}

impl<'a> Iterator for ExtensionList<'a> {
    type Item = Result<ExtensionItem<'a>, InvalidList>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.0.item().transpose()?;
        if item.is_err() {
            self.0.position = self.0.text.len();
        }
        Some(item)
    }
}

#[derive(Clone, Debug)]
struct Reader<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Reader<'a> {
    const fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    /// The next element of a list; `None` at its end.
    fn item(&mut self) -> Result<Option<ExtensionItem<'a>>, InvalidList> {
        // 9.1 takes its notation from RFC 2616, of which section 2.1 says: "null elements are
        // allowed, but do not contribute to the count of elements present."
        while self.skip_space() == Some(b',') {
            self.pass(1);
        }
        if self.peek().is_none() {
            return Ok(None);
        }
        let name = self.token()?;
        let params = self.position;
        while self.param()?.is_some() {}
        let params = self.since(params);
        match self.peek() {
            None | Some(b',') => Ok(Some(ExtensionItem { name, params })),
            Some(_) => Err(InvalidList),
        }
    }

    /// The next parameter of an element; `None` at its end.
    fn param(&mut self) -> Result<Option<Param<'a>>, InvalidList> {
        if self.skip_space() != Some(b';') {
            return Ok(None);
        }
        self.pass(1);
        self.skip_space();
        let name = self.token()?;
        // 9.1: "this section is using ABNF syntax/rules from [RFC2616], including the "implied
        // *LWS rule"": white space may stand between any two words.
        if self.skip_space() != Some(b'=') {
            return Ok(Some(Param { name, value: None }));
        }
        self.pass(1);
        let value = match self.skip_space() {
            Some(b'"') => self.quoted_string()?,
            _ => Cow::Borrowed(self.token()?),
        };
        self.skip_space();
        Ok(Some(Param { name, value: Some(value) }))
    }

    fn token(&mut self) -> Result<&'a str, InvalidList> {
        let start = self.position;
        while self.peek().is_some_and(is_token_byte) {
            self.pass(1);
        }
        let token = self.since(start);
        if token.is_empty() { Err(InvalidList) } else { Ok(token) }
    }

    fn quoted_string(&mut self) -> Result<Cow<'a, str>, InvalidList> {
        self.pass(1);
        let rest = self.text.get(self.position..).ok_or(InvalidList)?;
        let mut escaped = false;
        let mut any_escaped = false;
        let len = rest.bytes().position(|byte| {
            let end = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            any_escaped |= escaped;
            end
        });
        let quoted = len.and_then(|len| rest.get(..len)).ok_or(InvalidList)?;
        self.pass(quoted.len());
        self.pass(1);
        let value = if any_escaped { unescape(quoted) } else { Cow::Borrowed(quoted) };
        // 9.1: "When using the quoted-string syntax variant, the value after quoted-string
        // unescaping MUST conform to the 'token' ABNF."
        if is_token(value.as_bytes()) { Ok(value) } else { Err(InvalidList) }
    }

    /// Passes over white space; tells what follows.
    fn skip_space(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t') = self.peek() {
            self.pass(1);
        }
        self.peek()
    }

    const fn pass(&mut self, len: usize) {
        self.position = self.position.saturating_add(len);
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.position).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }
}

/// Takes the backslash from each quoted pair. A backslash itself is no part of a token, so what
/// stands behind one is taken as it is.
fn unescape(quoted: &str) -> Cow<'_, str> {
    let mut value = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(char) = chars.next() {
        value.push(if char == '\\' { chars.next().unwrap_or(char) } else { char });
    }
    Cow::Owned(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    fn read(list: &str) -> Result<Vec<String>, InvalidList> {
        let items = ExtensionList::new(list.as_bytes());
        items.map(|item| item.map(|item| item.to_string())).collect()
    }

    #[test]
    fn an_element_prints_what_it_says() {
        let item = ExtensionList::new(b"bar; baz=\"2\"").next().expect("one").expect("valid");
        assert_eq!(alloc::format!("{item:?}"), "ExtensionItem(bar; baz=2)");
    }

    #[test]
    fn a_list_of_extensions_is_read_and_written() {
        for (list, written) in [
            // The examples of 9.1.
            ("foo", "foo"),
            ("bar; baz=2", "bar; baz=2"),
            ("foo, bar; baz=2", "foo|bar; baz=2"),
            ("deflate-stream", "deflate-stream"),
            (
                "mux; max-channels=4; flow-control, deflate-stream",
                "mux; max-channels=4; flow-control|deflate-stream",
            ),
            ("private-extension", "private-extension"),
            // A quoted value is the token that it holds.
            ("a; b=\"c\"", "a; b=c"),
            ("a; b=\"\\c\\1\"", "a; b=c1"),
            ("a;b;b=1;b", "a; b; b=1; b"),
            // White space between words, and none.
            ("a;b=c,d", "a; b=c|d"),
            (" a \t; b = \"c\" ; d , e ", "a; b=c; d|e"),
            (",, a ,\t, b,", "a|b"),
            ("", ""),
            (" , ", ""),
            ("constructor", "constructor"),
        ] {
            assert_eq!(read(list).expect(list).join("|"), written, "{list}");
        }
    }

    #[test]
    fn a_list_that_breaks_the_grammar_is_refused() {
        for list in [
            ";",
            "a;",
            "a; ",
            "a;;b",
            "a; =",
            "a; b=",
            "a; b=,c",
            "a b",
            "a; b c",
            "a; b=c d",
            "=",
            "a=b",
            "\"a\"",
            "a; \"b\"",
            "a; b=\"c",
            "a; b=\"c\\\"",
            "a; b=\"\"",
            "a; b=\"c d\"",
            "a; b=\"c,d\"",
            "a; b=\"c\"d",
            "a; b=\"\\\"\"",
            "a; b=\"\\\\\"",
            "a/b",
            "a; b=c/d",
            "é",
            "a, ;",
            "a\0",
        ] {
            assert_eq!(read(list), Err(InvalidList), "{list}");
        }
        assert_eq!(ExtensionList::new(b"\xff").next(), Some(Err(InvalidList)));
    }

    #[test]
    fn a_list_ends_after_an_error() {
        let mut list = ExtensionList::new(b"a; =, b");
        assert_eq!(list.next(), Some(Err(InvalidList)));
        assert_eq!(list.next(), None);
    }

    #[test]
    fn an_unclosed_quoted_string_takes_linear_time() {
        let mut list = String::from("a; b=\"");
        list.push_str(&"\\c".repeat(1 << 20));
        assert_eq!(read(&list), Err(InvalidList));
    }
}
