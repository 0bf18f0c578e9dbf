//! Random calls of every function with random edge values, from a seed: no internal error, no crash, no lost session.

use crate::edge_values::*;
use crate::support::*;
use postgres::Client;
use retailscope_system_tests::{error_text, query_one, rows_as_text, sqlstate};
use std::collections::BTreeMap;

const ROUNDS: u64 = 10;
const CALLS: usize = 1000;

/// Every number follows from the seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

/// A function of the extension: name, whether it is a procedure, the types of its arguments, how many have defaults.
#[derive(Debug)]
struct Routine {
    name: String,
    is_procedure: bool,
    arguments: Vec<String>,
    defaults: usize,
}

fn routines(client: &mut Client) -> Vec<Routine> {
    rows_as_text(
        client,
        "SELECT p.proname, p.prokind = 'p', p.pronargdefaults,
                array_to_string(ARRAY(SELECT format_type(t.oid, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY AS t(oid, at)
                                      ORDER BY t.at), ',')
         FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
         JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
         WHERE e.extname = 'retailscope' ORDER BY 1",
    )
    .into_iter()
    .map(|row| {
        let [name, procedure, defaults, arguments] = row.try_into().unwrap();
        Routine {
            name: name.unwrap(),
            is_procedure: procedure.as_deref() == Some("t"),
            arguments: arguments
                .unwrap()
                .split(',')
                .filter(|a| !a.is_empty())
                .map(str::to_owned)
                .collect(),
            defaults: defaults.unwrap().parse().unwrap(),
        }
    })
    .collect()
}

/// What random calls are made of.
struct Words {
    documents: Vec<String>,
    paths: Vec<String>,
}

impl Words {
    fn value(&self, kind: &str, dice: &mut Dice) -> String {
        match kind {
            "integer" => dice.of(&INTEGERS).to_owned(),
            "bigint" => dice.of(&LONG_INTEGERS).to_owned(),
            "double precision" => dice.of(&FLOATS).to_owned(),
            "date" => dice.of(&DATES).to_owned(),
            "boolean" => dice.of(&BOOLEANS).to_owned(),
            "regclass" => dice.of(&RELATIONS).to_owned(),
            "regrole" => dice.of(&ROLES).to_owned(),
            "text" if dice.one_in(2) => dice.of(&WORDS).to_owned(),
            "text" => dice.of(&self.paths),
            "text[]" => format!("{}::text[]", dice.of(&LISTS)),
            // Of functions with a form for texts and one for documents, a plain literal would choose that for texts.
            "jsonb" if dice.one_in(3) => "'{}'::jsonb".to_owned(),
            "jsonb" if dice.one_in(2) => format!("{}::jsonb", dice.of(&self.documents)),
            "jsonb" => format!("{}::jsonb", document(dice)),
            // A new kind of argument needs values of its own here.
            other => panic!("no edge values of {other}"),
        }
    }

    fn call(&self, routine: &Routine, dice: &mut Dice) -> String {
        let all = routine.arguments.len();
        let given = all - dice.below(routine.defaults + 1);
        let arguments: Vec<String> = routine.arguments[..given]
            .iter()
            .map(|kind| self.value(kind, dice))
            .collect();
        let call = format!("{}({})", routine.name, arguments.join(", "));
        if routine.is_procedure {
            return format!("CALL {call}");
        }
        match dice.below(8) {
            0 | 1 => format!("SELECT * FROM {call}"),
            2 => format!("SELECT count(*) FROM {call} AS a, {call} AS b"),
            3 => {
                format!("BEGIN; SELECT {call}; SAVEPOINT s; SELECT {call}; ROLLBACK TO s; ROLLBACK")
            }
            4 => format!("PREPARE p AS SELECT {call}; EXECUTE p; EXECUTE p; DEALLOCATE p"),
            5 => format!(
                "DO $do$ BEGIN PERFORM {call}; EXCEPTION WHEN internal_error THEN RAISE; WHEN OTHERS THEN NULL; END $do$"
            ),
            6 => format!(
                "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM {call}; FETCH 1 FROM c; CLOSE c"
            ),
            _ => format!("SELECT {call}"),
        }
    }
}

/// A document with keys that mean something and values that need not.
fn document(dice: &mut Dice) -> String {
    const KEYS: [&str; 53] = [
        "features",
        "cutoffs",
        "holdout",
        "n_estimators",
        "max_depth",
        "learning_rate",
        "class_weight",
        "calibration",
        "offer_cost",
        "promote",
        "k_max",
        "log",
        "recency_days",
        "frequency",
        "delimiter",
        "encoding",
        "date_format",
        "decimal_comma",
        "rules",
        "keep_duplicates",
        "max_line_bytes",
        "nowait",
        "Invoice",
        "quantity",
        "country",
        "sold_at",
        "relname",
        "min_count",
        "max_itemsets",
        "max_rules",
        "time_budget_ms",
        "itemsets",
        "include",
        "exclude",
        "exclude_invoices",
        "segment",
        "top_k",
        "rank_by",
        "validation_days",
        "as_of",
        "holidays",
        "season",
        "order",
        "xreg",
        "models",
        "interval",
        "transform",
        "gap",
        "closed_days",
        "level",
        "folds",
        "ets",
        "",
    ];
    const VALUES: [&str; 28] = [
        "null",
        "true",
        "false",
        "0",
        "64",
        "-1",
        "1e308",
        "0.1",
        "\"\"",
        "\";\"",
        "\"utf-16le\"",
        "\"%Y-%m-%d %H:%M\"",
        "\"%%%\"",
        "\"invoice_no\"",
        "\"description\"",
        "[]",
        "[\"%d\", 1]",
        "[\"20%\"]",
        "\"France\"",
        "\"closed\"",
        "\"confidence\"",
        "5000",
        "\"2024-06-01\"",
        "\"GB\"",
        "[1, 1, 1]",
        "[\"naive\", \"ets\"]",
        "\"conformal\"",
        "{\"value\": \"x\"}",
    ];
    let pairs: Vec<String> = (0..=dice.below(3))
        .map(|_| format!("\"{}\": {}", dice.of(&KEYS), dice.of(&VALUES)))
        .collect();
    format!("'{{{}}}'", pairs.join(", "))
}

/// Sales to learn from, models of each task, and one before the one that serves. Not within the time that other calls have.
const TRAIN: &str = "
    SET statement_timeout = 0; SET retailscope.max_memory = '512MB'; SET retailscope.lake_dir = '';
    SELECT rs_generate_sales(60, 300);
    SELECT rs_train_churn('logistic_regression', 30); SELECT rs_train_churn('xgboost', 30, '{\"n_estimators\": 5}');
    SELECT rs_promote((SELECT min(model_id) FROM rs_models('churn'))); SELECT rs_promote((SELECT max(model_id) FROM rs_models('churn')));
    SELECT rs_train_segments(3); SELECT rs_mine_rules(0.01, 0.1); SELECT rs_refresh_marts(); SELECT rs_train_forecast(model => 'naive');
    SELECT rs_train_forecast(model => 'ets'); SET statement_timeout = '150ms'";

/// What a session may have set, and what may have happened to its tables.
fn weather(dice: &mut Dice, lake: &str) -> String {
    match dice.below(5) {
        0 => "SET retailscope.lake_dir = ''".to_owned(),
        1 => format!("SET retailscope.lake_dir = '{lake}'"),
        2 => format!("SET retailscope.threads = {}", dice.below(5)),
        3 => format!("SET retailscope.max_memory = '{}MB'", [32, 64, 512][dice.below(3)]),
        _ => "TRUNCATE retailscope.fact_sales, retailscope.etl_reject, retailscope.lake_file, retailscope.etl_batch,
              retailscope.product_description, retailscope.mart_customer_rfm, retailscope.mart_daily_kpis, retailscope.mart_state"
            .to_owned(),
    }
}

#[test]
fn random_calls_end_in_an_answer_or_a_clear_error() {
    let _turn = alone();
    let cluster = cluster();
    let good = csv(cluster, "random/good.csv", &lines(0, 100));
    let odd = cluster.write_file("random/odd.csv", b"Invoice,StockCode\n\xff\xfe,\"");
    let mut maker = cluster.fresh("random_lake");
    ingest(&mut maker, &file(&good, "{}"));
    let exported = cluster.folder("random/exported");
    maker
        .batch_execute(&format!("SELECT rs_export_lake('{}')", exported.display()))
        .unwrap();
    let mut ended_well: BTreeMap<String, usize> = BTreeMap::new();
    let mut surprises = Vec::new();
    for round in 0..ROUNDS {
        let mut dice = Dice(round);
        let db = format!("random_{round}");
        let mut client = cluster.fresh(&db);
        let mut witness = Witness::new(cluster, &db);
        let lake = cluster.folder(&format!("random/lake-{round}"));
        let out = cluster.folder(&format!("random/out-{round}"));
        // Thousands of errors would fill the log with thousands of paths of a megabyte.
        client
            .batch_execute("SET statement_timeout = '150ms'; SET log_min_messages = 'log'")
            .unwrap();
        let all = routines(&mut client);
        let mut words = Words {
            documents: documents(),
            paths: PATHS.map(str::to_owned).to_vec(),
        };
        for path in [&good, &odd, &exported, &lake, &out] {
            words.paths.push(format!("'{}'", path.display()));
        }
        client.batch_execute(TRAIN).unwrap();
        let features = "SELECT quote_literal(to_jsonb(f)) FROM rs_customer_features(rs_default_as_of()) AS f LIMIT 1";
        words.documents.push(query_one(&mut client, features));
        for number in 0..CALLS {
            if dice.one_in(20) {
                let change = weather(&mut dice, &lake.display().to_string());
                client.batch_execute(&change).unwrap();
            }
            let routine = &all[dice.below(all.len())];
            let call = if dice.one_in(100) {
                TRAIN.to_owned()
            } else {
                words.call(routine, &mut dice)
            };
            match client.batch_execute(&call) {
                Ok(()) => *ended_well.entry(routine.name.clone()).or_default() += 1,
                Err(error) => {
                    let code = sqlstate(&error);
                    if code.is_empty() || code.starts_with("XX") {
                        surprises.push(format!(
                            "round {round}, call {number}: {code} {:.300}: {call:.200}",
                            error_text(&error)
                        ));
                    }
                    client
                        .batch_execute(
                            "ROLLBACK; DEALLOCATE ALL; CLOSE ALL; SET statement_timeout = '150ms'",
                        )
                        .unwrap();
                }
            }
        }
        witness.assert_alive();
        assert_eq!(settled_threads(pid(&mut client)), 1, "round {round}");
        assert!(surprises.is_empty(), "{surprises:#?}");
        for routine in all {
            ended_well.entry(routine.name).or_default();
        }
    }
    println!("{ended_well:?}");
    let never: Vec<_> = ended_well.iter().filter(|(_, n)| **n == 0).collect();
    assert!(never.is_empty(), "these only ever failed: {never:?}");
    assert!(cluster.crashes().is_empty());
}
