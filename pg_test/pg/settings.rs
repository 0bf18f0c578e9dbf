//! The settings: names, units, ranges, who may set and see them.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::*;
    use crate::pg::settings;
    use crate::pg_test_suite::{caught, text};

    #[pg_test]
    fn settings_have_their_defaults() {
        let all = text(
            "SELECT string_agg(concat_ws('|', s.name, s.vartype, s.boot_val, s.unit, s.min_val, s.max_val, s.context), E'\\n' ORDER BY s.name)
             FROM pg_settings s WHERE s.name LIKE 'retailscope.%'",
        );
        assert_eq!(
            all,
            "retailscope.allowed_dirs|string||superuser\n\
             retailscope.lake_dir|string||superuser\n\
             retailscope.max_memory|integer|512|MB|32|1048576|superuser\n\
             retailscope.threads|integer|0|0|64|user"
        );
        assert_eq!(settings::max_memory(), 512 << 20);
        assert_eq!(settings::lake_dir(), None);
        assert!(settings::allowed_dirs().is_empty());
        assert!((1..=4).contains(&settings::threads()));
        assert_eq!(settings::temporary_file_limit(), None);
    }

    #[pg_test]
    fn settings_reach_the_code() {
        Spi::run(
            "SET LOCAL retailscope.threads = 7; SET LOCAL retailscope.max_memory = '1GB';
             SET LOCAL retailscope.lake_dir = ' /srv/lake '; SET LOCAL retailscope.allowed_dirs = '/a, /b c ,,';
             SET LOCAL temp_file_limit = '10MB'",
        )
        .unwrap();
        assert_eq!(settings::threads(), 7);
        assert_eq!(settings::max_memory(), 1 << 30);
        assert_eq!(settings::lake_dir(), Some("/srv/lake".into()));
        let dirs: Vec<_> = settings::allowed_dirs()
            .iter()
            .map(|d| d.display().to_string())
            .collect();
        assert_eq!(dirs, ["/a", "/b c"]);
        assert_eq!(settings::temporary_file_limit(), Some(10 << 20));
    }

    #[pg_test]
    fn wrong_settings_are_refused() {
        for (sql, state) in [
            ("SET LOCAL retailscope.thread = 1", "42602"),
            ("SET LOCAL retailscope.threads = 65", "22023"),
            ("SET LOCAL retailscope.threads = -1", "22023"),
            ("SET LOCAL retailscope.max_memory = '31MB'", "22023"),
            ("SET LOCAL retailscope.max_memory = '64MB'", "00000"),
        ] {
            assert_eq!(caught(sql).state, state, "{sql}");
        }
        Spi::run("CREATE ROLE retailscope_nobody; SET LOCAL ROLE retailscope_nobody").unwrap();
        for (sql, state) in [
            ("SET LOCAL retailscope.lake_dir = '/x'", "42501"),
            ("SET LOCAL retailscope.max_memory = '64MB'", "42501"),
            ("SELECT current_setting('retailscope.lake_dir')", "42501"),
            ("SET LOCAL retailscope.threads = 2", "00000"),
        ] {
            assert_eq!(caught(sql).state, state, "{sql}");
        }
    }
}
