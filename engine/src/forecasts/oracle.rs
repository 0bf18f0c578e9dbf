//! What other programs computed (`engine/tests/forecasts/`), for tests.
//!
//! A case or key that does not exist fails the test that asks for it.

use std::collections::HashMap;
use std::sync::OnceLock;

/// All that a program gave for one fit.
#[derive(Debug, Default)]
pub(crate) struct Case {
    name: String,
    /// Values of each key by their index.
    values: HashMap<String, Vec<(usize, f64)>>,
}

impl Case {
    /// The value of a key that has one.
    pub(crate) fn one(&self, key: &str) -> f64 {
        let values = self.many(key);
        assert_eq!(values.len(), 1, "{}: {key}", self.name);
        values[0]
    }

    /// The value of a key that a case may lack.
    pub(crate) fn get(&self, key: &str) -> Option<f64> {
        self.has(key).then(|| self.one(key))
    }

    /// The values of a key, ordered by their index.
    pub(crate) fn many(&self, key: &str) -> Vec<f64> {
        assert!(self.has(key), "{}: no {key}", self.name);
        self.values[key].iter().map(|(_, value)| *value).collect()
    }

    /// True when the case has a key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// The keys that begin with `start`, sorted.
    pub(crate) fn keys(&self, start: &str) -> Vec<&str> {
        let mut keys: Vec<&str> = self.values.keys().map(String::as_str).collect();
        keys.retain(|k| k.starts_with(start));
        keys.sort_unstable();
        keys
    }
}

type Table = HashMap<String, Case>;

fn read(text: &str) -> Table {
    let mut table = Table::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [case, key, idx, value] = fields[..] else {
            panic!("{line}");
        };
        let entry = table.entry(case.to_owned()).or_insert_with(|| Case {
            name: case.to_owned(),
            values: HashMap::new(),
        });
        let values = entry.values.entry(key.to_owned()).or_default();
        values.push((idx.parse().unwrap(), value.parse().unwrap()));
    }
    for case in table.values_mut() {
        for values in case.values.values_mut() {
            values.sort_by_key(|(idx, _)| *idx);
        }
    }
    table
}

fn case_of(table: &'static Table, name: &str) -> &'static Case {
    table.get(name).unwrap_or_else(|| panic!("no case {name}"))
}

/// A case of R.
pub(crate) fn r(case: &str) -> &'static Case {
    static TABLE: OnceLock<Table> = OnceLock::new();
    let table = TABLE.get_or_init(|| read(include_str!("../../tests/forecasts/oracle_R.csv")));
    case_of(table, case)
}

/// A case of statsmodels.
pub(crate) fn statsmodels(case: &str) -> &'static Case {
    static TABLE: OnceLock<Table> = OnceLock::new();
    let table =
        TABLE.get_or_init(|| read(include_str!("../../tests/forecasts/oracle_statsmodels.csv")));
    case_of(table, case)
}

/// A fold of scikit-learn's `TimeSeriesSplit`, indices from first to last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fold {
    pub(crate) n: usize,
    pub(crate) n_splits: usize,
    pub(crate) test_size: Option<usize>,
    pub(crate) gap: usize,
    pub(crate) max_train_size: Option<usize>,
    pub(crate) fold: usize,
    pub(crate) train: (usize, usize),
    pub(crate) test: (usize, usize),
}

/// Every fold of scikit-learn's table.
pub(crate) fn time_series_split() -> Vec<Fold> {
    let text = include_str!("../../tests/forecasts/oracle_timeseriessplit.csv");
    let fold = |line: &str| {
        let fields: Vec<Option<usize>> = line.split(',').map(|f| f.parse().ok()).collect();
        let size = |at: usize| fields[at].unwrap();
        Fold {
            n: size(0),
            n_splits: size(1),
            test_size: fields[2],
            gap: size(3),
            max_train_size: fields[4],
            fold: size(5),
            train: (size(6), size(7)),
            test: (size(8), size(9)),
        }
    };
    text.lines().skip(1).map(fold).collect()
}

/// The columns of a series' file: values, then regressors; NaN where R has NA.
pub(crate) fn columns(name: &str) -> Vec<Vec<f64>> {
    macro_rules! files {
        ($($file:literal)*) => {
            match name {
                $($file => include_str!(concat!("../../tests/forecasts/series/", $file, ".csv")),)*
                _ => panic!("no series {name}"),
            }
        };
    }
    let text = files!("airpassengers" "intermittent" "lakehuron" "lh" "logair" "lynx" "nile" "nottem" "presidents"
        "retail_daily" "retail_promo" "ukgas" "usaccdeaths" "wwwusage");
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for line in text.lines() {
        for (at, field) in line.split(',').enumerate() {
            if at == columns.len() {
                columns.push(Vec::new());
            }
            let value = match field {
                "NA" => f64::NAN,
                number => number.parse().unwrap(),
            };
            columns[at].push(value);
        }
    }
    columns
}

/// The values of a series.
pub(crate) fn series(name: &str) -> Vec<f64> {
    columns(name).swap_remove(0)
}

mod tests {
    use super::*;

    #[test]
    fn tables_are_read() {
        let nile = r("ets_nile_ANN");
        assert_eq!(nile.one("par_l"), 1110.68685995);
        assert_eq!(nile.get("par_phi"), None);
        assert_eq!(nile.keys("par_"), ["par_alpha", "par_l"]);
        let fc = r("logair_011_011_12").many("fc");
        assert_eq!(fc.len(), 24);
        assert_eq!(statsmodels("nile_011_simplediff").keys("coef_").len(), 2);
        assert_eq!(series("retail_promo").len(), 730);
        assert_eq!(columns("retail_promo")[1][2], 1.0);
        assert!(series("presidents")[0].is_nan());
        let folds = time_series_split();
        assert_eq!((folds.len(), folds[0].test), (18, (3, 5)));
        assert_eq!((folds[0].test_size, folds[3].test_size), (None, Some(3)));
    }
}
