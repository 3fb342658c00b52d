//! Who issued a certificate, and whom it is for: as much of X.509 as an error message needs.

/// The names in a certificate, as they are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Names<'a> {
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// The version, which is left out in the oldest certificates.
const EXPLICIT_0: u8 = 0xa0;
/// id-at-commonName and id-at-organizationName.
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ORGANIZATION: &[u8] = &[0x55, 4, 10];

impl<'a> Names<'a> {
    /// The names in this certificate; `None` if it is malformed.
    pub(super) fn of(certificate: &'a [u8]) -> Option<Self> {
        let (certificate, _) = expect(SEQUENCE, certificate)?;
        let (mut fields, _) = expect(SEQUENCE, certificate)?;
        if fields.first() == Some(&EXPLICIT_0) {
            next(&mut fields)?;
        }
        let (_serial, _signature) = (next(&mut fields)?, next(&mut fields)?);
        let (_, issuer) = next(&mut fields)?;
        let _validity = next(&mut fields)?;
        let (_, subject) = next(&mut fields)?;
        Some(Self { issuer, subject })
    }
}

/// The common name in a name, or else its organization.
pub(super) fn common_name(name: &[u8]) -> Option<String> {
    find(name, COMMON_NAME).or_else(|| find(name, ORGANIZATION))
}

fn find(mut sets: &[u8], wanted: &[u8]) -> Option<String> {
    while !sets.is_empty() {
        let (tag, mut set) = next(&mut sets)?;
        while tag == SET && !set.is_empty() {
            let (mut attribute, rest) = expect(SEQUENCE, set)?;
            set = rest;
            let (kind, object) = next(&mut attribute)?;
            let (_, value) = next(&mut attribute)?;
            if kind == OBJECT_IDENTIFIER && object == wanted {
                return Some(String::from_utf8_lossy(value).into_owned());
            }
        }
    }
    None
}

/// The content of an element of this kind, and what follows it.
fn expect(wanted: u8, mut bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (tag, content) = next(&mut bytes)?;
    (tag == wanted).then_some((content, bytes))
}

/// Takes the next element: its tag and its content.
fn next<'a>(bytes: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let [tag, first, rest @ ..] = *bytes else { return None };
    let (len, rest) = match *first {
        len @ ..0x80 => (usize::from(len), rest),
        long => {
            let count = usize::from(long & 0x7f);
            if count > 3 {
                return None;
            }
            let (len, rest) = rest.split_at_checked(count)?;
            (len.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)), rest)
        }
    };
    let (content, rest) = rest.split_at_checked(len)?;
    *bytes = rest;
    Some((*tag, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_cut_anywhere_has_no_names() {
        let key = rcgen::KeyPair::generate().expect("it can be made");
        let params = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("it can be signed");
        let der = certificate.der();
        let names = Names::of(der).expect("it is a certificate");
        assert_eq!(names.issuer, names.subject);
        assert_eq!(common_name(names.issuer).as_deref(), Some("rcgen self signed cert"));
        for len in 0..der.len() {
            assert_eq!(Names::of(&der[..len]), None, "{len}");
        }
        for byte in 0..names.issuer.len() {
            common_name(&names.issuer[..byte]);
        }
    }
}
