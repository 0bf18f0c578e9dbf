//! Lake: what is committed is on disk, and a warehouse comes back from it alone.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::*;
    use crate::pg_test_suite::{Folder, Session, caught, quoted, text};

    const FACTS: &str = "SELECT concat_ws(' ', count(*), sum(f.amount), md5(string_agg(concat_ws('|', f.sale_id, f.sold_at, c.customer_id,
        p.stock_code, f.invoice_no, f.quantity, f.unit_price, f.amount, f.line_kind, f.batch_id, f.country, f.line_hash), E'\\n' ORDER BY f.sale_id)))
        FROM retailscope.fact_sales f JOIN retailscope.dim_customer c USING (customer_key) JOIN retailscope.dim_product p USING (product_key)";

    /// A database of its own, for what must commit.
    fn database(name: &'static str) -> Session {
        let main = Session::open("lake_main", &text("SELECT current_database()::text"));
        main.run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        main.run(&format!("CREATE DATABASE {name} TEMPLATE template0"));
        main.close();
        let session = Session::open(name, name);
        session.run("CREATE EXTENSION retailscope");
        session
    }

    fn drop_database(session: Session) {
        let name = session.0;
        session.close();
        let main = Session::open("lake_main", &text("SELECT current_database()::text"));
        main.run(&format!("DROP DATABASE {name} WITH (FORCE)"));
        main.close();
    }

    fn files(folder: &Folder) -> Vec<String> {
        fn walk(at: &std::path::Path, all: &mut Vec<String>, root: &std::path::Path) {
            for entry in std::fs::read_dir(at).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, all, root);
                } else {
                    all.push(path.strip_prefix(root).unwrap().display().to_string());
                }
            }
        }
        let mut all = Vec::new();
        walk(folder.path(), &mut all, folder.path());
        all.sort();
        all
    }

    #[pg_test]
    fn a_warehouse_comes_back_from_its_lake() {
        let folder = Folder::new("lake");
        let lake = quoted(&folder.path().display().to_string());
        let first = database("retailscope_lake_a");
        first.run(&format!("SET retailscope.lake_dir = {lake}"));
        // Nothing of a transaction that did not commit.
        first.run("BEGIN");
        first.run("DO $$ BEGIN PERFORM rs_generate_sales(30, 62, 5); END $$");
        assert!(
            files(&folder).iter().all(|f| f.contains("/.")),
            "{:?}",
            files(&folder)
        );
        assert_eq!(
            files(&folder).len(),
            6,
            "three months, rejects, manifest, identity: {:?}",
            files(&folder)
        );
        first.run("ROLLBACK");
        assert_eq!(files(&folder), Vec::<String>::new());
        // All of one that did.
        first.run(
            "DO $$ BEGIN PERFORM rs_generate_sales(30, 62, 5); PERFORM rs_refresh_marts(); END $$",
        );
        let written = files(&folder);
        assert_eq!(written.len(), 6, "{written:?}");
        assert!(written.iter().all(|f| !f.contains("/.")), "{written:?}");
        assert_eq!(
            first.text("SELECT string_agg(check_name, ', ') FROM rs_data_quality() WHERE NOT ok"),
            ""
        );
        assert_eq!(
            first.text("SELECT count(*)::text FROM rs_lake_status() WHERE ok"),
            "3"
        );

        let second = database("retailscope_lake_b");
        second.run(&format!(
            "DO $$ BEGIN PERFORM rs_load_lake({lake}); PERFORM rs_refresh_marts(); END $$"
        ));
        let facts = first.text(FACTS);
        assert!(!facts.starts_with("0 "), "{facts}");
        assert_eq!(second.text(FACTS), facts);
        assert_eq!(
            second.text("SELECT string_agg(check_name, ', ') FROM rs_data_quality() WHERE NOT ok"),
            ""
        );
        assert_eq!(
            second.fails(&format!("DO $$ BEGIN PERFORM rs_load_lake({lake}); END $$")),
            "the warehouse is not empty"
        );
        drop_database(second);

        // A bit that falls over is seen.
        let data = written.iter().find(|f| f.contains("month=12")).unwrap();
        let mut bytes = std::fs::read(folder.file(data)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(folder.file(data), bytes).unwrap();
        assert_eq!(
            first.text("SELECT string_agg(path, ', ') FROM rs_lake_status() WHERE NOT ok"),
            *data
        );
        assert_eq!(
            first.text("SELECT string_agg(check_name, ' ') FROM rs_data_quality() WHERE NOT ok"),
            "lake_rows lake_amount lake_files_damaged"
        );
        drop_database(first);
    }

    #[pg_test]
    fn calls_without_a_lake_say_what_to_do() {
        for (call, state) in [
            ("rs_lake_sweep()", "55000"),
            ("rs_export_lake()", "55000"),
            ("rs_load_lake()", "55000"),
            ("rs_load_lake('relative')", "22023"),
            ("rs_load_lake('/nothing/here')", "58P01"),
        ] {
            let seen = caught(&format!("SELECT {call}"));
            assert_eq!(seen.state, state, "{call}: {}", seen.message);
            assert!(!seen.hint.is_empty(), "{call}");
        }
    }
}
