//! One conversion from the engine's error classes to SQLSTATE, message and HINT.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::error::{Class, Classified};

/// What a boundary function gives back.
pub type Outcome<T> = Result<T, Failure>;

/// An ERROR on its way to the user: raised only after every Rust frame has been left.
#[derive(Debug)]
pub struct Failure {
    code: PgSqlErrorCode,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
}

impl Failure {
    /// A failure with its SQLSTATE and message.
    pub fn new(code: PgSqlErrorCode, message: impl Into<String>) -> Self {
        Failure {
            code,
            message: message.into(),
            detail: None,
            hint: None,
        }
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what led to it.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// True when this is our own stop flag, seen by a worker, and not a cause.
    pub fn is_cancel(&self) -> bool {
        self.code == PgSqlErrorCode::ERRCODE_QUERY_CANCELED
    }

    /// True when what was stored cannot be used: it is damaged, gone, or of another version.
    pub fn is_unusable(&self) -> bool {
        self.code == PgSqlErrorCode::ERRCODE_DATA_CORRUPTED
            || self.code == PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE
    }

    /// A wrong argument (22023).
    pub fn invalid(message: impl Into<String>) -> Self {
        Failure::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message)
    }

    /// A state that our own code should have ruled out (XX000).
    pub fn internal(message: impl Into<String>) -> Self {
        Failure::new(PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, message)
    }

    /// A failed system call on a file: the SQLSTATE follows the errno, as PostgreSQL's own file access does.
    pub fn io(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => PgSqlErrorCode::ERRCODE_UNDEFINED_FILE,
            std::io::ErrorKind::PermissionDenied => PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            std::io::ErrorKind::AlreadyExists => PgSqlErrorCode::ERRCODE_DUPLICATE_FILE,
            std::io::ErrorKind::StorageFull => PgSqlErrorCode::ERRCODE_DISK_FULL,
            _ => PgSqlErrorCode::ERRCODE_IO_ERROR,
        };
        let failure = Failure::new(
            code,
            format!("could not {what} \"{}\": {error}", path.display()),
        );
        match error.kind() {
            std::io::ErrorKind::NotFound => {
                failure.hint("The path is looked up on the server, not where the client runs.")
            }
            std::io::ErrorKind::PermissionDenied => failure.hint(
                "The operating system user of the server needs access to it and to the folders on the way.",
            ),
            std::io::ErrorKind::StorageFull => failure.hint("Nothing of it was kept: make room and try again."),
            _ => failure,
        }
    }
}

impl<E: Classified> From<E> for Failure {
    fn from(error: E) -> Self {
        let code = match error.class() {
            Class::InvalidParameter => PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            Class::BadData => PgSqlErrorCode::ERRCODE_BAD_COPY_FILE_FORMAT,
            Class::OutOfRange => PgSqlErrorCode::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
            Class::FileMissing => PgSqlErrorCode::ERRCODE_UNDEFINED_FILE,
            Class::Io => PgSqlErrorCode::ERRCODE_IO_ERROR,
            Class::LimitExceeded => PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            Class::OutOfMemory => PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY,
            Class::Cancelled => PgSqlErrorCode::ERRCODE_QUERY_CANCELED,
            Class::Corrupted => PgSqlErrorCode::ERRCODE_DATA_CORRUPTED,
            Class::WrongState => PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        };
        let mut failure = Failure::new(code, error.to_string());
        failure.hint = error.hint();
        failure
    }
}

/// Turns an SPI status into a failure (the statements are ours, so this is never the user's fault).
pub fn spi(error: pgrx::spi::Error) -> Failure {
    Failure::internal(format!("SPI: {error}"))
}

impl From<Failure> for ErrorReport {
    fn from(failure: Failure) -> Self {
        let mut report = ErrorReport::new(failure.code, failure.message, "retailscope");
        if let Some(detail) = failure.detail {
            report = report.set_detail(detail);
        }
        if let Some(hint) = failure.hint {
            report = report.set_hint(hint);
        }
        report
    }
}

/// Tells the user what a call has to say beside its result. To be called last, when nothing is left that would have to be
/// dropped: a cancel that strikes in it runs no destructor.
pub fn warn(message: String, hint: &'static str) {
    ErrorReport::new(PgSqlErrorCode::ERRCODE_WARNING, message, "retailscope")
        .set_hint(hint)
        .report(PgLogLevel::WARNING);
}
