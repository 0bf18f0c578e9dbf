//! The classes that all engine errors fall into; the extension turns a class into an SQLSTATE.

/// What kind of refusal an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// An argument or option is wrong (22023).
    InvalidParameter,
    /// The data are not what they claim to be (22P04, 22000).
    BadData,
    /// A number does not fit its type (22003).
    OutOfRange,
    /// A file or folder does not exist (58P01).
    FileMissing,
    /// Reading or writing failed (58030).
    Io,
    /// A limit on size was reached (54000).
    LimitExceeded,
    /// More memory would be needed than allowed (53200).
    OutOfMemory,
    /// The user asked to stop (57014).
    Cancelled,
    /// Stored bytes fail their own checks (XX001).
    Corrupted,
    /// The call does not fit the present state (55000).
    WrongState,
}

/// An error that knows its class and, where there is one, what the user can do about it.
pub trait Classified: std::error::Error {
    /// The class, from which the SQLSTATE follows.
    fn class(&self) -> Class;

    /// What to do about it, as a sentence.
    fn hint(&self) -> Option<String> {
        None
    }
}
