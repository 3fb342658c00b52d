//! The host of a URL, and its port.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::encoding::is_unreserved;
use crate::open::error::UrlError;

/// The part between the user name and the path.
pub(super) struct Server {
    /// In lower case; an IPv6 address in its brackets.
    pub(super) host: String,
    pub(super) zone: Option<Box<str>>,
    pub(super) port: Option<u16>,
}

pub(super) fn server(text: &str) -> Result<Server, UrlError> {
    let (host, port) = split(text)?;
    let port = match port {
        // RFC 3986, section 3.2.3: "port = *DIGIT", so that it can be empty.
        None | Some("") => None,
        Some(port) => Some(parse_port(port)?),
    };
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let (host, zone) = match literal {
        Some(literal) => address(literal)?,
        None => (name(host)?, None),
    };
    Ok(Server { host, zone, port })
}

fn split(server: &str) -> Result<(&str, Option<&str>), UrlError> {
    let after_literal = match server.strip_prefix('[') {
        Some(literal) => 1 + literal.find(']').ok_or(UrlError::Host)? + 1,
        None => 0,
    };
    let (literal, rest) = server.split_at(after_literal);
    match rest.split_once(':') {
        None if literal.is_empty() => Ok((rest, None)),
        None if rest.is_empty() => Ok((literal, None)),
        // An IPv6 address without its brackets.
        Some((_, port)) if port.contains(':') => Err(UrlError::Host),
        Some((name, port)) if literal.is_empty() => Ok((name, Some(port))),
        Some(("", port)) => Ok((literal, Some(port))),
        _ => Err(UrlError::Host),
    }
}

fn parse_port(port: &str) -> Result<u16, UrlError> {
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UrlError::Port);
    }
    match port.parse() {
        Ok(0) | Err(_) => Err(UrlError::Port),
        Ok(port) => Ok(port),
    }
}

/// An IPv6 address, and its zone if it has one: `%25` and its name (RFC 6874), or as people type it,
/// `%` and its name (RFC 9844).
fn address(literal: &str) -> Result<(String, Option<Box<str>>), UrlError> {
    let (address, zone) = match literal.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (literal, None),
    };
    let address: Ipv6Addr = address.parse().map_err(|_| UrlError::Host)?;
    let zone = match zone {
        None => None,
        Some(zone) => {
            let zone = zone.strip_prefix("25").filter(|zone| !zone.is_empty()).unwrap_or(zone);
            // Elsewhere than on a link of its own an address has no zone.
            let is_valid = !zone.is_empty() && zone.bytes().all(is_unreserved);
            if !is_valid || !address.is_unicast_link_local() && !address.is_multicast() {
                return Err(UrlError::Zone);
            }
            Some(zone.into())
        }
    };
    Ok((format!("[{address}]"), zone))
}

fn name(host: &str) -> Result<String, UrlError> {
    let host = in_ascii(host)?;
    if host.is_empty() || !host.bytes().all(is_unreserved) {
        return Err(UrlError::Host);
    }
    // No name ends in a number. Resolvers read such text, as 127.1 or 0x7f000001, as addresses, and
    // each program reads it in another way.
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last
            .strip_prefix("0x")
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if is_number && host.parse::<Ipv4Addr>().is_err() {
        return Err(UrlError::Host);
    }
    Ok(host)
}

/// A name in lower case, by IDNA where it has other letters than those of ASCII.
#[cfg(feature = "idna")]
fn in_ascii(host: &str) -> Result<String, UrlError> {
    // Percent-encoding is not for names here, as it is not without the feature.
    if host.contains('%') {
        return Err(UrlError::Host);
    }
    match idna::domain_to_ascii_cow(host.as_bytes(), idna::AsciiDenyList::URL) {
        Ok(name) => Ok(name.into_owned()),
        Err(_) if host.is_ascii() && !has_encoded_label(host) => Err(UrlError::Host),
        Err(_) => Err(UrlError::HostNotIdna),
    }
}

#[cfg(not(feature = "idna"))]
fn in_ascii(host: &str) -> Result<String, UrlError> {
    if !host.is_ascii() {
        return Err(UrlError::HostNotAscii);
    }
    let host = host.to_ascii_lowercase();
    let is_valid = |label: &str| label.strip_prefix("xn--").is_none_or(super::punycode::is_encoded);
    match host.split('.').all(is_valid) {
        true => Ok(host),
        false => Err(UrlError::HostNotIdna),
    }
}

/// Whether one of a name's labels is an encoded one.
#[cfg(feature = "idna")]
fn has_encoded_label(host: &str) -> bool {
    let is_encoded =
        |label: &str| label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--"));
    host.split('.').any(is_encoded)
}
