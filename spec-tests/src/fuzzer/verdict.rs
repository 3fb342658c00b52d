//! The judgement on a run.

use std::collections::BTreeMap;
use std::fmt;

use crate::case::{Case, End, Received, Role};
use crate::receiver::Violation;

/// The verdict on the testee's behaviour, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// As the case demands.
    Ok,
    /// The case only reports.
    Informational,
    /// The case needs an extension that was not negotiated.
    Unimplemented,
    /// Allowed, but not what a strict reading demands.
    NonStrict,
    /// Wrong.
    Failed,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "OK",
            Self::Informational => "INFORMATIONAL",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::NonStrict => "NON-STRICT",
            Self::Failed => "FAILED",
        })
    }
}

/// The verdict on the end of the connection, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CloseVerdict {
    /// As the case demands.
    Ok,
    /// The server under test left it to the client to drop the transport.
    FailedByClient,
    /// A close code that the case does not accept.
    WrongCode,
    /// No complete closing handshake.
    Unclean,
    /// The wrong end started closing.
    Failed,
}

impl fmt::Display for CloseVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "OK",
            Self::FailedByClient => "FAILED BY CLIENT",
            Self::WrongCode => "WRONG CODE",
            Self::Unclean => "UNCLEAN",
            Self::Failed => "FAILED",
        })
    }
}

/// The facts of a run that are judged.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) received: Vec<Received>,
    pub(super) frames_sent: BTreeMap<u8, usize>,
    /// Whether the echo loop, if there is one, came to its end without a wrong echo.
    pub(super) loop_done: bool,
    pub(super) first_message: bool,
    pub(super) started_by: Option<End>,
    pub(super) close_sent: bool,
    /// The testee's Close, and its code if it has one.
    pub(super) close_received: Option<Option<u16>>,
    /// A deadline for the closing handshake, or for the transport's end after it, has passed.
    pub(super) late: bool,
    pub(super) dropped_by_fuzzer: bool,
    /// 7.1.1: the transport should be closed by a method "that cleanly closes" it.
    pub(super) reset: bool,
    pub(super) violation: Option<Violation>,
    /// The opening handshake went wrong, or the testee panicked.
    pub(super) broken: Option<String>,
    pub(super) unimplemented: bool,
}

impl Record {
    pub(super) fn verdict(&self, case: &Case) -> Verdict {
        if self.broken.is_some() || self.violation.is_some() {
            return Verdict::Failed;
        }
        if self.unimplemented {
            return Verdict::Unimplemented;
        }
        if case.informational {
            return Verdict::Informational;
        }
        let wrong_code = case.close.wrong_code_fails && self.has_wrong_code(case);
        let wrong_end = case.close.wrong_end_fails && self.has_wrong_end(case);
        if wrong_code || wrong_end || self.has_wrong_frames(case) {
            return Verdict::Failed;
        }
        let Some(expect) = &case.expect else {
            return if self.loop_done { Verdict::Ok } else { Verdict::Failed };
        };
        if self.received == expect.ok {
            Verdict::Ok
        } else if expect.non_strict.as_ref() == Some(&self.received) {
            Verdict::NonStrict
        } else {
            Verdict::Failed
        }
    }

    /// The first rule that is broken decides.
    pub(super) fn close_verdict(&self, case: &Case, fuzzer: Role) -> CloseVerdict {
        let clean = self.close_sent && self.close_received.is_some() && !self.late && !self.reset;
        if self.unimplemented {
            CloseVerdict::Ok
        } else if self.has_wrong_end(case) {
            CloseVerdict::Failed
        } else if case.close.clean && !clean {
            CloseVerdict::Unclean
        } else if self.has_wrong_code(case) {
            CloseVerdict::WrongCode
        } else if fuzzer == Role::Client && self.dropped_by_fuzzer {
            CloseVerdict::FailedByClient
        } else {
            CloseVerdict::Ok
        }
    }

    fn has_wrong_end(&self, case: &Case) -> bool {
        self.started_by != Some(case.close.by)
    }

    /// A Close without a code is accepted everywhere.
    fn has_wrong_code(&self, case: &Case) -> bool {
        self.close_received.flatten().is_some_and(|code| !case.close.codes.contains(&code))
    }

    /// The fuzzer's own fault: the case is not what it says.
    fn has_wrong_frames(&self, case: &Case) -> bool {
        let sent = |(opcode, count): &(u8, usize)| self.frames_sent.get(opcode) == Some(count);
        case.frames_sent.as_ref().is_some_and(|expected| !expected.iter().all(sent))
    }
}
