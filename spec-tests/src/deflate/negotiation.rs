//! The tester's side of the negotiation (RFC 7692, 7.1).

use std::fmt;

use crate::case::Role;
use crate::data::DataSet;

/// The compression that a case needs, in either role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeflateLoop {
    /// The data from which the messages are cut.
    pub data: DataSet,
    /// A client fuzzer's offers, in order of preference.
    pub offers: Vec<Offer>,
    /// The offers that a server fuzzer accepts, in order of preference.
    pub accepts: Vec<Accept>,
}

impl DeflateLoop {
    /// The value of the `Sec-WebSocket-Extensions` header that a client fuzzer sends.
    #[must_use]
    pub fn offer_header(&self) -> String {
        let offers: Vec<_> = self.offers.iter().map(ToString::to_string).collect();
        offers.join(", ")
    }

    /// The agreement in a server's response, for the client fuzzer that offered this.
    ///
    /// # Errors
    ///
    /// Its fault, in words.
    pub fn confirm(&self, header: &str) -> Result<Agreed, String> {
        let agreed = Agreed::parse(header)?;
        if self.offers.iter().any(|offer| agreed.grants(offer)) {
            Ok(agreed)
        } else {
            Err(format!("{header} is the answer to no offer"))
        }
    }

    /// A server fuzzer's answer to a client's offers: the first rule that some offer meets decides.
    /// `None` declines them all.
    #[must_use]
    pub fn answer(&self, header: &str) -> Option<String> {
        let offers: Vec<Vec<&str>> = header
            .split(',')
            .map(|offer| offer.split(';').map(str::trim).collect())
            .filter(|offer: &Vec<&str>| offer[0] == "permessage-deflate")
            .collect();
        self.accepts.iter().find_map(|rule| offers.iter().find_map(|offer| rule.answer(offer)))
    }
}

/// The agreement of both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The server forgets its window after each message.
    pub server_no_context_takeover: bool,
    /// The client forgets its window after each message.
    pub client_no_context_takeover: bool,
    /// The server's window, as the logarithm of its length.
    pub server_max_window_bits: u8,
    /// The client's window.
    pub client_max_window_bits: u8,
}

/// How one end compresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// How far back it may refer, as a logarithm.
    pub window_bits: u8,
    /// Whether it may refer to messages before.
    pub takeover: bool,
}

impl Agreed {
    /// Reads the extension that a server answered with.
    ///
    /// # Errors
    ///
    /// Its fault, in words.
    pub fn parse(header: &str) -> Result<Self, String> {
        let mut parts = header.split(';').map(str::trim);
        if parts.next() != Some("permessage-deflate") {
            return Err(format!("{header} is not what was offered"));
        }
        let mut agreed = Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        };
        let mut seen = Vec::new();
        for part in parts {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
                None => (part, None),
            };
            match (name, value) {
                ("server_no_context_takeover", None) => agreed.server_no_context_takeover = true,
                ("client_no_context_takeover", None) => agreed.client_no_context_takeover = true,
                ("server_max_window_bits", Some(value)) => {
                    agreed.server_max_window_bits = window_bits(value)?;
                }
                ("client_max_window_bits", Some(value)) => {
                    agreed.client_max_window_bits = window_bits(value)?;
                }
                _ => return Err(format!("{part} is no parameter of a response")),
            }
            if seen.contains(&name) {
                return Err(format!("{name} is repeated"));
            }
            seen.push(name);
        }
        Ok(agreed)
    }

    /// How this end compresses.
    #[must_use]
    pub const fn compression_of(&self, role: Role) -> Compression {
        match role {
            Role::Client => Compression {
                window_bits: self.client_max_window_bits,
                takeover: !self.client_no_context_takeover,
            },
            Role::Server => Compression {
                window_bits: self.server_max_window_bits,
                takeover: !self.server_no_context_takeover,
            },
        }
    }

    /// Whether it grants the requests to the server. Requests to the client may stand there too,
    /// within the offer.
    fn grants(&self, offer: &Offer) -> bool {
        let forgets = self.server_no_context_takeover || !offer.server_no_context_takeover;
        let window = offer.server_max_window_bits.unwrap_or(15);
        let asks = self.client_max_window_bits < 15;
        forgets && self.server_max_window_bits <= window && (offer.client_max_window_bits || !asks)
    }
}

/// 7.1.2: "a decimal integer value without leading zeroes between 8 to 15, inclusive".
fn window_bits(value: &str) -> Result<u8, String> {
    let bits = value.parse().ok().filter(|bits| (8..=15).contains(bits));
    let bits = bits.filter(|_| !value.starts_with(['0', '+']));
    bits.ok_or_else(|| format!("{value} is no number of window bits"))
}

/// One offer of a client fuzzer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Asks the server to forget its window after each message.
    pub server_no_context_takeover: bool,
    /// Asks the server for a window of at most so many bits.
    pub server_max_window_bits: Option<u8>,
    /// Says that the client may be asked to forget its window after each message.
    pub client_no_context_takeover: bool,
    /// Says that the client may be asked for a smaller window.
    pub client_max_window_bits: bool,
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("permessage-deflate")?;
        if self.client_no_context_takeover {
            f.write_str("; client_no_context_takeover")?;
        }
        if self.client_max_window_bits {
            f.write_str("; client_max_window_bits")?;
        }
        if self.server_no_context_takeover {
            f.write_str("; server_no_context_takeover")?;
        }
        if let Some(bits) = self.server_max_window_bits {
            write!(f, "; server_max_window_bits={bits}")?;
        }
        Ok(())
    }
}

/// One rule with which a server fuzzer accepts an offer: it grants the requests to the server and
/// asks this of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    /// Asks the client to forget its window after each message.
    pub client_no_context_takeover: bool,
    /// Asks the client for a window of at most so many bits. 7.1.2.2: the server must not ask
    /// unless the offer has `client_max_window_bits`, so the rule is met by no other.
    pub client_max_window_bits: Option<u8>,
}

impl Accept {
    fn answer(&self, offer: &[&str]) -> Option<String> {
        let parameter = |name: &str| {
            offer.iter().find_map(|part| match part.split_once('=') {
                Some((key, value)) => (key.trim() == name).then_some(Some(value.trim())),
                None => (*part == name).then_some(None),
            })
        };
        let mut answer = String::from("permessage-deflate");
        if parameter("server_no_context_takeover").is_some() {
            answer += "; server_no_context_takeover";
        }
        if let Some(Some(bits)) = parameter("server_max_window_bits") {
            answer += &format!("; server_max_window_bits={bits}");
        }
        if self.client_no_context_takeover {
            answer += "; client_no_context_takeover";
        }
        if let Some(bits) = self.client_max_window_bits {
            // 7.1.2.2: a value in the offer is the most that may be asked for.
            let offered = parameter("client_max_window_bits")?.and_then(|bits| bits.parse().ok());
            let bits = offered.map_or(bits, |offered| bits.min(offered));
            answer += &format!("; client_max_window_bits={bits}");
        }
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "permessage-deflate";
    const BITS: &str = "permessage-deflate; client_max_window_bits";
    const ALL: &str = "permessage-deflate; server_no_context_takeover; \
                       server_max_window_bits=9; client_max_window_bits=12";

    fn rules(rules: &[(bool, Option<u8>)]) -> DeflateLoop {
        let accepts = rules.iter().map(|&(client_no_context_takeover, client_max_window_bits)| {
            Accept { client_no_context_takeover, client_max_window_bits }
        });
        DeflateLoop { data: DataSet::Json, offers: vec![], accepts: accepts.collect() }
    }

    #[test]
    fn requests_to_the_server_are_granted() {
        let answer = rules(&[(false, None)]).answer(ALL);
        let granted = "permessage-deflate; server_no_context_takeover; server_max_window_bits=9";
        assert_eq!(answer.as_deref(), Some(granted));
        assert_eq!(rules(&[(false, None)]).answer("x-other; server_max_window_bits=9"), None);
    }

    #[test]
    fn a_window_is_asked_only_of_a_client_that_offers_it() {
        let asked = rules(&[(false, Some(15))]);
        assert_eq!(asked.answer(PLAIN), None);
        let answer = asked.answer(&format!("{PLAIN}, {BITS}"));
        assert_eq!(answer.as_deref(), Some("permessage-deflate; client_max_window_bits=15"));
        let answer = asked.answer(ALL).expect("accepted");
        assert!(answer.ends_with("client_max_window_bits=12"), "{answer}");
    }

    #[test]
    fn a_response_grants_an_offer_or_is_refused() {
        let asked = |server_no_context_takeover, server_max_window_bits| DeflateLoop {
            data: DataSet::Json,
            offers: vec![Offer {
                server_no_context_takeover,
                server_max_window_bits,
                client_no_context_takeover: true,
                client_max_window_bits: true,
            }],
            accepts: vec![],
        };
        let confirm = |text: &str| asked(true, Some(9)).confirm(&format!("{PLAIN}{text}"));
        let agreed = confirm("; server_no_context_takeover; server_max_window_bits=\"8\"");
        let expected = Agreed {
            server_no_context_takeover: true,
            client_no_context_takeover: false,
            server_max_window_bits: 8,
            client_max_window_bits: 15,
        };
        assert_eq!(agreed, Ok(expected));
        for bad in [
            "",
            "; server_no_context_takeover",
            "; server_max_window_bits=9",
            "; server_no_context_takeover; server_max_window_bits=10",
            "; server_no_context_takeover; server_max_window_bits=09",
            "; server_no_context_takeover; server_max_window_bits",
            "; server_no_context_takeover; server_no_context_takeover; server_max_window_bits=9",
            "; server_no_context_takeover=1; server_max_window_bits=9",
            "; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits=16",
            "; server_no_context_takeover; server_max_window_bits=9; x",
        ] {
            assert!(confirm(bad).is_err(), "{bad}");
        }
        assert!(asked(false, None).confirm(PLAIN).is_ok());
        assert!(asked(false, None).confirm("x-other").is_err());
    }

    #[test]
    fn the_first_rule_that_an_offer_meets_decides() {
        let answer = rules(&[(true, Some(9)), (true, None)]).answer(PLAIN);
        assert_eq!(answer.as_deref(), Some("permessage-deflate; client_no_context_takeover"));
    }
}
