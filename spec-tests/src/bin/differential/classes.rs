//! The differences that are explained, each in `DIFFERENTIAL.md`.

use crate::compare::Comparison;
use crate::outcome::Ending;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Peer {
    Tungstenite,
    TokioWebsockets,
}

impl Peer {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tungstenite => "tungstenite",
            Self::TokioWebsockets => "tokio-websockets",
        }
    }
}

/// The aspect that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aspect {
    /// The delivery, or how the connection ended.
    Outcome,
    /// When it ended.
    Time,
    /// The Close frame that was sent.
    CloseFrame,
    /// The Pongs that were sent: no class explains a difference in them.
    Pongs,
}

/// A kind of difference. It says all that it allows, so that another one cannot hide behind it.
pub(crate) struct Class {
    pub(crate) name: &'static str,
    pub(crate) aspect: Aspect,
    pub(crate) applies: fn(&Comparison<'_>) -> bool,
}

pub(crate) const CLASSES: &[Class] = &[
    Class {
        name: "longer-length-taken",
        aspect: Aspect::Outcome,
        applies: |it| {
            // In a control frame, such a length is too long before it is known.
            let names = ["LengthNotMinimal", "ControlFrameTooLong"];
            it.is_tungstenite()
                && names.iter().any(|name| it.ours.failed_for(name))
                && it.faults().is_length_not_minimal
                && it.theirs_go_on()
        },
    },
    Class {
        name: "empty-end-not-validated",
        aspect: Aspect::Outcome,
        applies: |it| {
            it.is_tokio_websockets()
                && it.ours.failed_for("InvalidUtf8")
                && it.faults().is_empty_end_of_text
                && it.theirs_go_on()
        },
    },
    Class {
        name: "huge-length-is-too-long",
        aspect: Aspect::Outcome,
        applies: |it| {
            it.ours.failed_for("LengthOutOfRange")
                && it.theirs.failed_with() == Some(1009)
                && it.same_events()
        },
    },
    Class {
        name: "bad-code-answered",
        aspect: Aspect::Outcome,
        applies: |it| {
            it.is_tungstenite()
                && it.ours.failed_for("InvalidCloseCode")
                && it.theirs.ending == Ending::Closed(Some(1002))
                && it.theirs.close_sent == Some(Some(1002))
                && it.same_events()
        },
    },
    Class {
        name: "bad-gateway-refused",
        aspect: Aspect::Outcome,
        applies: |it| {
            it.is_tungstenite()
                && it.ours.ending == Ending::Closed(Some(1014))
                && it.theirs.ending == Ending::Closed(Some(1002))
                && it.theirs.close_sent == Some(Some(1002))
                && it.same_events()
        },
    },
    Class {
        name: "two-rules-broken",
        aspect: Aspect::Outcome,
        applies: |it| {
            let codes = it.faults().codes;
            let is_one = |code: Option<u16>| code.is_some_and(|code| codes.contains(&code));
            is_one(it.ours.failed_with()) && is_one(it.theirs.failed_with()) && it.same_events()
        },
    },
    Class {
        name: "whole-frame-awaited",
        aspect: Aspect::Time,
        applies: |it| it.is_tungstenite() && it.theirs.ended_at > it.ours.ended_at,
    },
    Class {
        name: "long-message-awaited",
        aspect: Aspect::Time,
        applies: |it| {
            it.is_tokio_websockets()
                && it.ours.failed_for("MessageTooLong")
                && it.theirs.ended_at > it.ours.ended_at
        },
    },
    Class {
        name: "rest-of-frame-not-awaited",
        aspect: Aspect::Time,
        applies: |it| {
            // Not for text, which both validate as it comes.
            it.is_tokio_websockets()
                && matches!(it.theirs.failed_with(), Some(1002 | 1009))
                && it.theirs.ended_at < it.ours.ended_at
                && it.theirs.ended_at >= it.faults().start + 2
        },
    },
    Class {
        name: "no-close-frame",
        aspect: Aspect::CloseFrame,
        applies: |it| {
            it.is_tungstenite()
                && it.theirs.failed_with().is_some()
                && it.theirs.close_sent.is_none()
        },
    },
    Class {
        name: "no-close-frame-for-long-message",
        aspect: Aspect::CloseFrame,
        applies: |it| {
            it.is_tokio_websockets()
                && it.ours.failed_for("MessageTooLong")
                && it.theirs.close_sent.is_none()
        },
    },
];
