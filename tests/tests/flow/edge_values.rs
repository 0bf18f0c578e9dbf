//! Edge values of each type of argument, as SQL.

pub const INTEGERS: [&str; 8] = [
    "NULL",
    "0",
    "-1",
    "1",
    "2",
    "30",
    "2147483647",
    "-2147483648",
];

pub const LONG_INTEGERS: [&str; 7] = [
    "NULL",
    "0",
    "1",
    "2",
    "42",
    "9223372036854775807",
    "-9223372036854775808",
];

pub const FLOATS: [&str; 12] = [
    "NULL",
    "0",
    "-0.0",
    "1",
    "-1",
    "0.5",
    "365.5",
    "1e308",
    "-1e308",
    "5e-324",
    "'NaN'",
    "'-infinity'",
];

pub const DATES: [&str; 9] = [
    "NULL",
    "'infinity'",
    "'-infinity'",
    "'4713-01-01 BC'",
    "'0001-01-01'",
    "'2019-01-05'",
    "'2019-03-01'",
    "'9999-12-31'",
    "'5874897-12-31'",
];

pub const BOOLEANS: [&str; 3] = ["NULL", "true", "false"];

pub const RELATIONS: [&str; 8] = [
    "NULL",
    "0",
    "4294967295",
    "'pg_class'",
    "'pg_class_oid_index'",
    "'retailscope.fact_sales'",
    "'retailscope.fact_sales_sale_id_seq'",
    "'pg_stat_activity'",
];

pub const ROLES: [&str; 3] = ["NULL", "0::oid::regrole", "'postgres'"];

/// Arrays of items.
pub const LISTS: [&str; 11] = [
    "NULL",
    "'{}'",
    "'{NULL}'",
    "'{\"\"}'",
    "ARRAY['22423']",
    "ARRAY['20000', ' 20001 ', NULL, '20000']",
    "'{{20000,20001},{20002,20003}}'",
    "'[-2147483648:-2147483647]={20000,20001}'",
    "ARRAY[repeat('a', 1000000)]",
    "array_fill('20000'::text, ARRAY[20000])",
    "ARRAY(SELECT stock_code FROM retailscope.dim_product)",
];

/// None of them can be read or written by a server that does not run as root.
pub const PATHS: [&str; 13] = [
    "NULL",
    "''",
    "' '",
    "'x.csv'",
    "'/'",
    "'/nowhere/x.csv'",
    "'/dev/zero'",
    "'/proc/self/mem'",
    "'/etc/passwd'",
    "E'/tmp/\\x01\\n.csv'",
    "repeat('/a', 5000)",
    "repeat('a', 1000000)",
    "'/tmp/../etc/passwd'",
];

/// What is neither a path nor known as anything else.
pub const WORDS: [&str; 35] = [
    "NULL",
    "''",
    "'12347'",
    "'(unknown)'",
    "'churn'",
    "'segments'",
    "'baskets'",
    "'auto'",
    "'fpgrowth'",
    "'apriori'",
    "'eclat'",
    "'22423'",
    "'SELECT invoice_no, product_key FROM retailscope.fact_sales'",
    "'SELECT 1, NULL::text'",
    "'SELECT b, i FROM generate_series(1, 40) AS b, generate_series(1, b) AS i'",
    "'DELETE FROM retailscope.fact_sales RETURNING invoice_no, product_key'",
    "'SELECT 1; SELECT 2'",
    "'SELECT i % 9, ''2020-01-01''::date + i, i % 13 FROM generate_series(1, 400) AS i'",
    "'SELECT date AS ds, gross_revenue AS y FROM retailscope.mart_daily_kpis'",
    "'revenue'",
    "'sku:22423'",
    "'country:France'",
    "'naive'",
    "'day'",
    "'mint_shrink'",
    "'sliding'",
    "'logistic_regression'",
    "'random_forest'",
    "'kmeans'",
    "'gaussian_mixture'",
    "'churn'' OR true --'",
    "'reader'",
    "'analyst'",
    "'root'",
    "E'\\u00e9\\u0085'",
];

/// Documents for mapping and options.
pub fn documents() -> Vec<String> {
    let mut all: Vec<String> = [
        "NULL",
        "'null'",
        "'[]'",
        "'1'",
        "'true'",
        "'\"x\"'",
        "'1e400'",
        r#"'{"": ""}'"#,
        r#"'{"a": null}'"#,
        r#"'{"a": 1e999}'"#,
        r#"'{"Invoice": []}'"#,
        r#"'{"country": {"value": {}}}'"#,
        r#"'{"quantity": {"value": 1e300}}'"#,
        r#"'{"delimiter": ""}'"#,
        r#"'{"date_format": "%"}'"#,
        r#"'{"date_format": []}'"#,
        r#"'{"max_line_bytes": -1}'"#,
        r#"'{"max_line_bytes": 1e30}'"#,
        r#"'{"encoding": "\u0001"}'"#,
        r#"'{"features": ["recency_days", "frequency"]}'"#,
        r#"'{"features": ["country"], "calibration": "isotonic"}'"#,
        r#"'{"features": "recency_days"}'"#,
        r#"'{"cutoffs": ["2024-10-01"], "holdout": "2024-12-01"}'"#,
        r#"'{"cutoffs": ["0001-01-01", "9999-12-31"]}'"#,
        r#"'{"n_estimators": 5000, "max_depth": 64}'"#,
        r#"'{"c": 1e-300, "l1_ratio": 2}'"#,
        r#"'{"offer_cost": 2, "saved_margin": 30}'"#,
        r#"'{"saved_margin": 1e308}'"#,
        r#"'{"k_max": 50, "n_init": 100, "log": false}'"#,
        r#"'{"time_budget_ms": 1, "search": true}'"#,
        r#"'{"recency_days": 1e300, "country": null}'"#,
        r#"'{"min_count": 1, "max_itemsets": 100000000, "time_budget_ms": 100, "max_rules": 10000000}'"#,
        r#"'{"min_count": 4294967296}'"#,
        r#"'{"include": ["%"], "exclude": ["", null]}'"#,
        r#"'{"exclude": ["%"], "itemsets": "maximal"}'"#,
        r#"'{"country": "France", "segment": "Champions", "promote": true}'"#,
        r#"'{"top_k": 1, "rank_by": "conviction", "validation_days": 3650}'"#,
    ]
    .map(str::to_owned)
    .to_vec();
    all.push(nested_arrays(5000));
    all.push(nested_objects(5000));
    all
}

/// Arrays in arrays, `depth` deep.
pub fn nested_arrays(depth: usize) -> String {
    format!("'{}{}'", "[".repeat(depth), "]".repeat(depth))
}

/// Objects in objects, `depth` deep.
pub fn nested_objects(depth: usize) -> String {
    format!("'{}1{}'", r#"{"a":"#.repeat(depth), "}".repeat(depth))
}
