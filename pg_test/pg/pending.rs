//! Lake files follow the transaction.

use crate::pg::pending;
use pgrx::prelude::*;
use std::path::PathBuf;

#[pg_schema]
mod tests {
    use super::*;
    use crate::pg_test_suite::{Folder, Session, caught, quoted};

    /// Writes `content` into a file that belongs to the transaction.
    #[pg_extern]
    fn pending_file(place: &str, content: &str, hidden: default!(Option<&str>, "NULL")) {
        let place = PathBuf::from(place);
        let hidden = hidden.map_or_else(|| pending::hidden_name(&place), PathBuf::from);
        pending::register(hidden.clone(), place);
        std::fs::write(hidden, content).unwrap();
    }

    fn files(folder: &Folder) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|f| f.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    fn perform(folder: &Folder, name: &str) -> String {
        format!(
            "PERFORM tests.pending_file({}, {});",
            quoted(&folder.file(name)),
            quoted(name)
        )
    }

    #[pg_test]
    fn hidden_names_are_beside_their_place() {
        assert_eq!(
            pending::hidden_name(&PathBuf::from("/lake/year=2010/month=01/a.parquet")),
            PathBuf::from("/lake/year=2010/month=01/.a.parquet.tmp")
        );
    }

    #[pg_test]
    fn a_commit_publishes_in_order() {
        let folder = Folder::new("commit");
        let session = Session::open(
            "pending_commit",
            &crate::pg_test_suite::text("SELECT current_database()::text"),
        );
        session.run("BEGIN");
        session.run(&format!(
            "DO $$ BEGIN {} {} END $$",
            perform(&folder, "a"),
            perform(&folder, "b")
        ));
        assert_eq!(files(&folder), [".a.tmp", ".b.tmp"]);
        // A second file for the same place: the one that was handed over last is the one that stays.
        session.run(&format!(
            "DO $$ BEGIN PERFORM tests.pending_file({}, 'second', {}); END $$",
            quoted(&folder.file("a")),
            quoted(&folder.file(".later.tmp")),
        ));
        session.run("COMMIT");
        assert_eq!(files(&folder), ["a", "b"]);
        assert_eq!(std::fs::read_to_string(folder.file("a")).unwrap(), "second");
        assert_eq!(std::fs::read_to_string(folder.file("b")).unwrap(), "b");
        // The next transaction has nothing to do with them.
        session.run("BEGIN");
        session.run("ROLLBACK");
        assert_eq!(files(&folder), ["a", "b"]);
        session.close();
    }

    #[pg_test]
    fn a_rollback_deletes() {
        let folder = Folder::new("rollback");
        let session = Session::open(
            "pending_rollback",
            &crate::pg_test_suite::text("SELECT current_database()::text"),
        );
        session.run("BEGIN");
        session.run(&format!("DO $$ BEGIN {} END $$", perform(&folder, "a")));
        session.run("ROLLBACK");
        assert_eq!(files(&folder), Vec::<String>::new());
        session.run("BEGIN");
        session.run(&format!("DO $$ BEGIN {} END $$", perform(&folder, "a")));
        session.run("SAVEPOINT s");
        session.run(&format!("DO $$ BEGIN {} END $$", perform(&folder, "b")));
        session.run("SAVEPOINT t");
        session.run(&format!("DO $$ BEGIN {} END $$", perform(&folder, "c")));
        session.run("RELEASE SAVEPOINT t");
        assert_eq!(files(&folder), [".a.tmp", ".b.tmp", ".c.tmp"]);
        session.run("ROLLBACK TO SAVEPOINT s");
        assert_eq!(files(&folder), [".a.tmp"]);
        session.run("COMMIT");
        assert_eq!(files(&folder), ["a"]);
        session.close();
    }

    #[pg_test]
    fn an_error_in_a_block_deletes_at_once() {
        let folder = Folder::new("block");
        Spi::run(&format!(
            "DO $$ BEGIN {} BEGIN {} RAISE 'x'; EXCEPTION WHEN raise_exception THEN END; END $$",
            perform(&folder, "a"),
            perform(&folder, "b")
        ))
        .unwrap();
        assert_eq!(files(&folder), [".a.tmp"]);
        assert_eq!(
            caught(&format!(
                "DO $$ BEGIN {} RAISE 'y'; END $$",
                perform(&folder, "c")
            ))
            .state,
            "P0001"
        );
        assert_eq!(files(&folder), [".a.tmp"]);
    }

    #[pg_test]
    fn a_session_that_ends_leaves_nothing() {
        let folder = Folder::new("ended");
        let session = Session::open(
            "pending_ended",
            &crate::pg_test_suite::text("SELECT current_database()::text"),
        );
        session.run("BEGIN");
        session.run(&format!("DO $$ BEGIN {} END $$", perform(&folder, "a")));
        session.close();
        for _ in 0..200 {
            if files(&folder).is_empty() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("{:?} are left", files(&folder));
    }

    #[pg_test]
    fn two_phase_commit_is_refused() {
        let folder = Folder::new("prepared");
        let session = Session::open(
            "pending_prepared",
            &crate::pg_test_suite::text("SELECT current_database()::text"),
        );
        session.run("BEGIN");
        session.run(&format!("DO $$ BEGIN {} END $$", perform(&folder, "a")));
        assert_eq!(
            session.fails("PREPARE TRANSACTION 'retailscope'"),
            "cannot PREPARE a transaction that has written to the lake"
        );
        assert_eq!(files(&folder), Vec::<String>::new());
        session.close();
    }
}
