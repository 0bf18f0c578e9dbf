//! What a refusal of the engine looks like to the user.

use crate::pg::Failure;
use pgrx::prelude::*;
use retailscope_engine::error::{Class, Classified};

const CLASSES: [(Class, &str); 10] = [
    (Class::InvalidParameter, "22023"),
    (Class::BadData, "22P04"),
    (Class::OutOfRange, "22003"),
    (Class::FileMissing, "58P01"),
    (Class::Io, "58030"),
    (Class::LimitExceeded, "54000"),
    (Class::OutOfMemory, "53200"),
    (Class::Cancelled, "57014"),
    (Class::Corrupted, "XX001"),
    (Class::WrongState, "55000"),
];

#[derive(Debug, thiserror::Error)]
#[error("refused: {0:?}")]
struct Refused(Class);

impl Classified for Refused {
    fn class(&self) -> Class {
        self.0
    }

    fn hint(&self) -> Option<String> {
        Some(format!("Do not {:?}.", self.0))
    }
}

#[pg_schema]
mod tests {
    use super::*;
    use crate::pg_test_suite::caught;
    use pgrx::pg_sys::panic::ErrorReport;
    use std::path::Path;

    #[pg_extern]
    fn refuse(class: i32) -> Result<i32, ErrorReport> {
        let (class, _) = CLASSES[usize::try_from(class).unwrap()];
        Err(Failure::from(Refused(class)).into())
    }

    #[pg_extern]
    fn refuse_io(errno: i32) -> Result<i32, ErrorReport> {
        let error = std::io::Error::from_raw_os_error(errno);
        Err(Failure::io("open file", Path::new("/no/such"), &error).into())
    }

    #[pg_test]
    fn every_class_has_its_sqlstate() {
        for (n, (class, state)) in CLASSES.iter().enumerate() {
            let seen = caught(&format!("SELECT tests.refuse({n})"));
            assert_eq!(seen.state, *state, "{class:?}");
            assert_eq!(seen.message, format!("refused: {class:?}"));
            assert_eq!(seen.hint, format!("Do not {class:?}."));
        }
    }

    #[pg_test]
    fn system_errors_have_postgres_own_sqlstates() {
        for (errno, state) in [
            (libc::ENOENT, "58P01"),
            (libc::EACCES, "42501"),
            (libc::EEXIST, "58P02"),
            (libc::ENOSPC, "53100"),
            (libc::EIO, "58030"),
        ] {
            let seen = caught(&format!("SELECT tests.refuse_io({errno})"));
            assert_eq!(seen.state, state);
            assert!(
                seen.message
                    .starts_with("could not open file \"/no/such\": "),
                "{}",
                seen.message
            );
        }
    }
}
