//! The data sets of the compression cases, made from nothing but a seed.
//!
//! They have the sizes and kinds of the suite's own and deflate about as well: zlib's default
//! level leaves 4, 83, 36, 6 and 77 % of them, and 4, 85, 39, 6 and 76 % of the suite's.

use std::fmt;
use std::sync::LazyLock;

use crate::random::Random;

/// A data set, of which messages are consecutive slices, going round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataSet {
    /// A document of records that are much alike.
    Json,
    /// A picture with noise.
    Bitmap,
    /// Sentences.
    Prose,
    /// A page of table rows.
    Html,
    /// Compressed streams between a few lines of text.
    Pdf,
}

impl DataSet {
    /// All of them, in the order of sections 12.1 to 12.5.
    pub const ALL: [Self; 5] = [Self::Json, Self::Bitmap, Self::Prose, Self::Html, Self::Pdf];

    /// Whether its messages are binary.
    #[must_use]
    pub const fn is_binary(self) -> bool {
        matches!(self, Self::Bitmap | Self::Prose | Self::Pdf)
    }

    /// All of it.
    #[must_use]
    pub fn bytes(self) -> &'static [u8] {
        static SETS: [LazyLock<Vec<u8>>; 5] = [
            LazyLock::new(json),
            LazyLock::new(bitmap),
            LazyLock::new(prose),
            LazyLock::new(html),
            LazyLock::new(pdf),
        ];
        &SETS[self as usize]
    }

    /// Its length in the unit that slices are counted in: characters of text, otherwise bytes.
    #[must_use]
    pub fn units(self) -> usize {
        self.bytes().len() - self.longer_chars().len()
    }

    /// So many units from this one on, which may lie beyond the end: the set goes round.
    #[must_use]
    pub fn slice(self, start: usize, len: usize) -> Vec<u8> {
        let mut slice = Vec::with_capacity(len);
        let (mut start, mut len) = (start % self.units(), len);
        while len > 0 {
            let end = self.units().min(start + len);
            slice.extend_from_slice(&self.bytes()[self.offset(start)..self.offset(end)]);
            len -= end - start;
            start = 0;
        }
        slice
    }

    /// Where a unit begins.
    fn offset(self, unit: usize) -> usize {
        unit + self.longer_chars().partition_point(|longer| *longer < unit)
    }

    /// The characters of text that take two bytes, by their place among all; none takes more.
    fn longer_chars(self) -> &'static [usize] {
        static HTML: LazyLock<Vec<usize>> = LazyLock::new(|| {
            let text = str::from_utf8(DataSet::Html.bytes()).unwrap_or_default();
            let chars = text.chars().enumerate().filter(|(_, c)| !c.is_ascii());
            chars.map(|(place, _)| place).collect()
        });
        if self == Self::Html { &HTML } else { &[] }
    }
}

impl fmt::Display for DataSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Bitmap => "bitmap",
            Self::Prose => "prose",
            Self::Html => "html",
            Self::Pdf => "pdf",
        })
    }
}

/// Readings of a sensor: the same fields, few different values.
fn json() -> Vec<u8> {
    const LEN: usize = 194_056;
    let mut random = Random::new(1);
    let mut text = String::from("[\n");
    let mut number = 0;
    while text.len() < LEN {
        number += 1;
        let state = ["idle", "idle", "idle", "active"][random.below(4)];
        text += &format!(
            "  {{\n    \"type\": \"reading\",\n    \"sequence\": {number},\n    \
             \"sensor\": {{ \"name\": \"left wrist\", \"unit\": \"celsius\" }},\n    \
             \"state\": \"{state}\",\n    \"value\": 36.{}\n  }},\n",
            random.below(1000),
        );
    }
    text.truncate(LEN);
    text.into()
}

/// Rows of three bytes a pixel: a gradient, and noise in most of each byte's bits.
fn bitmap() -> Vec<u8> {
    const LEN: usize = 263_222;
    const WIDTH: usize = 296;
    let mut random = Random::new(2);
    let mut bytes = Vec::with_capacity(LEN);
    bytes.extend(b"BM");
    bytes.extend(u32::try_from(LEN).expect("below 4 GiB").to_le_bytes());
    bytes.resize(54, 0);
    while bytes.len() < LEN {
        let x = (bytes.len() / 3) % WIDTH;
        let light = u8::try_from(x * 64 / WIDTH).expect("below 64");
        bytes.push(light.wrapping_add(random.bytes()[0] % NOISE));
    }
    bytes
}

/// How many shades the noise of the bitmap has.
const NOISE: u8 = 56;

/// Sentences of made-up words, common ones more often.
fn prose() -> Vec<u8> {
    const LEN: usize = 222_218;
    const SYLLABLES: [&str; 24] = [
        "a", "be", "cor", "da", "el", "fi", "gra", "ho", "in", "ka", "lo", "mer", "no", "or", "pa",
        "que", "ri", "sta", "tu", "un", "ve", "wil", "yo", "zen",
    ];
    let mut random = Random::new(3);
    let words: Vec<String> = (0..WORDS)
        .map(|_| (0..=random.below(3)).map(|_| SYLLABLES[random.below(24)]).collect())
        .collect();
    let mut text = String::new();
    while text.len() < LEN {
        for i in 0..6 + random.below(12) {
            // The lesser of two numbers: the first words of the list come most often.
            let rank = random.below(WORDS).min(random.below(WORDS));
            text += if i == 0 { "" } else { " " };
            text += &words[rank];
        }
        text += if random.below(5) == 0 { ".\n\n" } else { ". " };
    }
    text.truncate(LEN);
    text.into()
}

/// How many words the prose knows.
const WORDS: usize = 20_000;

/// A page of which 27 characters take two bytes.
fn html() -> Vec<u8> {
    const LEN: usize = 263_647;
    const ACCENTS: usize = 27;
    let mut random = Random::new(4);
    let mut text = String::from("<!DOCTYPE html>\n<title>Spielpl\u{e4}ne</title>\n<table>\n");
    let mut accents = 1;
    let mut row = 0;
    while text.len() < LEN {
        row += 1;
        let accented = accents < ACCENTS;
        accents += usize::from(accented);
        text += &format!(
            "<tr class=\"{}\"><td class=\"number\">{row}</td><td><a href=\"/teams/{:02}\">Team \
             {}</a></td><td class=\"result\">{}:{}</td></tr>\n",
            if row % 2 == 0 { "even" } else { "odd" },
            random.below(80),
            if accented { "M\u{fc}nchen" } else { "Hamburg" },
            random.below(5),
            random.below(5),
        );
    }
    text.truncate(LEN);
    text.into()
}

/// Objects with a dictionary in text and a stream that looks random, as compressed ones do.
fn pdf() -> Vec<u8> {
    const LEN: usize = 1_042_328;
    let mut random = Random::new(5);
    let mut bytes = b"%PDF-1.4\n".to_vec();
    let mut number = 0;
    while bytes.len() < LEN {
        number += 1;
        let len = 1500 + random.below(1500);
        let dictionary =
            format!("{number} 0 obj\n<< /Length {len} /Filter /FlateDecode >>\nstream\n");
        bytes.extend(dictionary.bytes());
        bytes.extend((0..len).map(|_| random.bytes()[0]));
        bytes.extend(b"\nendstream\nendobj\n");
        let kids = 16 + random.below(50);
        for kid in 0..kids {
            bytes.extend(format!("{:010} 00000 n \n", number * 64 + kid).bytes());
        }
    }
    bytes.truncate(LEN);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_suite() {
        let sizes = DataSet::ALL.map(|set| (set.bytes().len(), set.units()));
        let expected = [
            (194_056, 194_056),
            (263_222, 263_222),
            (222_218, 222_218),
            (263_647, 263_620),
            (1_042_328, 1_042_328),
        ];
        assert_eq!(sizes, expected);
    }

    #[test]
    fn slices_are_counted_in_characters_and_go_round() {
        let text = str::from_utf8(DataSet::Html.bytes()).expect("text");
        let units = DataSet::Html.units();
        let chars: Vec<char> = text.chars().collect();
        assert_eq!(chars.len(), units);
        for start in [0, 30, 31, 32, 33, 1000, units - 5, units, 7 * units - 1] {
            let expected: String = (start..start + 100).map(|i| chars[i % units]).collect();
            assert_eq!(DataSet::Html.slice(start, 100), expected.as_bytes(), "{start}");
        }
        let twice = DataSet::Json.slice(5, 2 * DataSet::Json.units());
        assert_eq!(twice[..10], DataSet::Json.bytes()[5..15]);
        assert_eq!(twice.len(), 2 * DataSet::Json.bytes().len());
    }

    #[test]
    fn text_is_utf8() {
        for set in DataSet::ALL.into_iter().filter(|set| !set.is_binary()) {
            assert!(std::str::from_utf8(set.bytes()).is_ok(), "{set}");
        }
    }
}
