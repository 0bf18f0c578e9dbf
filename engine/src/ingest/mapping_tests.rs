#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::json;

use super::*;
use crate::error::{Class, Classified};

fn header(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

fn resolve(mapping: Value, names: &[&str]) -> Result<Columns, IngestError> {
    Mapping::parse(&mapping)?.resolve(&header(names))
}

fn fails(mapping: Value, names: &[&str], words: &str) -> IngestError {
    let error = resolve(mapping, names).unwrap_err();
    assert!(
        error.to_string().contains(words),
        "\"{error}\" lacks \"{words}\""
    );
    assert_eq!(error.class(), Class::InvalidParameter);
    error
}

fn columns(indexes: [usize; FIELDS]) -> [Source; FIELDS] {
    indexes.map(Source::Column)
}

const RETAIL_II: [&str; 8] = [
    "Invoice",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "Price",
    "Customer ID",
    "Country",
];

#[test]
fn both_public_headers_and_the_canonical_names_need_no_mapping() {
    let one = [
        "InvoiceNo",
        "StockCode",
        "Description",
        "Quantity",
        "InvoiceDate",
        "UnitPrice",
        "CustomerID",
        "Country",
    ];
    for names in [one, RETAIL_II, Field::ALL.map(Field::name)] {
        let found = resolve(json!({}), &names).unwrap();
        assert_eq!(found.field, columns([0, 1, 2, 3, 4, 5, 6, 7]));
        assert!(found.extras.is_empty() && found.extra_names.is_empty());
    }
    let odd = [
        "COUNTRY",
        "customer-id",
        "unit price",
        "invoice_date",
        "QUANTITY",
        "description ",
        "stock_code",
        "invoice no",
    ];
    assert_eq!(
        resolve(json!({}), &odd).unwrap().field,
        columns([7, 6, 5, 4, 3, 2, 1, 0])
    );
}

#[test]
fn both_directions_and_constants() {
    let names = ["Order ID", "SKU", "Units", "When", "Net"];
    let forward = json!({"Order ID": "invoice_no", "SKU": "stock_code", "Units": "quantity", "When": "sold_at",
        "Net": "unit_price", "country": {"value": "Germany"}, "customer_id": {"value": 7}});
    let back = json!({"invoice_no": "order_id", "stock_code": "sku", "quantity": "UNITS", "sold_at": "when",
        "unit_price": "net", "country": {"value": "Germany"}, "customer_id": {"value": 7}});
    for mapping in [forward, back] {
        let found = resolve(mapping, &names).unwrap();
        let c = Source::Column;
        let text = |t: &str| Source::Constant(t.to_owned());
        assert_eq!(
            found.field,
            [
                c(0),
                c(1),
                Source::Missing,
                c(2),
                c(3),
                c(4),
                text("7"),
                text("Germany")
            ]
        );
    }
}

#[test]
fn when_both_are_fields_the_first_is_the_column() {
    // a source whose column Country holds the customer: the other reading would ask for a column customer_id
    let names = [
        "invoice",
        "stockcode",
        "quantity",
        "soldat",
        "price",
        "Country",
    ];
    let found = resolve(json!({"country": "customer_id"}), &names).unwrap();
    assert_eq!(found.field[Field::CustomerId as usize], Source::Column(5));
    assert_eq!(found.field[Field::Country as usize], Source::Missing);
}

#[test]
fn what_is_no_field_is_an_extra_in_order_of_name() {
    let names = [
        "zone",
        "Invoice",
        "StockCode",
        "Quantity",
        "InvoiceDate",
        "Price",
        "Net price",
        "basket",
    ];
    let found = resolve(json!({"Net price": "unit_price"}), &names).unwrap();
    assert_eq!(found.extras, [5, 7, 0]);
    assert_eq!(found.extra_names, ["Price", "basket", "zone"]);
    let mut reversed = names;
    reversed.reverse();
    assert_eq!(
        resolve(json!({"Net price": "unit_price"}), &reversed)
            .unwrap()
            .extra_names,
        found.extra_names
    );
}

#[test]
fn an_ignored_column_is_neither_extra_nor_field() {
    let names: Vec<&str> = RETAIL_II
        .into_iter()
        .chain(["exported_at", "till", ""])
        .collect();
    let found = resolve(json!({"Exported At": null, "": null}), &names).unwrap();
    assert_eq!(
        (found.extras, found.extra_names),
        (vec![9], vec!["till".to_owned()])
    );
    assert_eq!(found.field, columns([0, 1, 2, 3, 4, 5, 6, 7]));
    // A column that would be found by its name is not.
    let found = resolve(json!({"Country": null}), &RETAIL_II).unwrap();
    assert_eq!(found.field[Field::Country as usize], Source::Missing);
    assert!(found.extras.is_empty());
    // Columns without a name are all ignored at once.
    let names: Vec<&str> = RETAIL_II.into_iter().chain(["", ""]).collect();
    assert!(
        resolve(json!({"": null}), &names)
            .unwrap()
            .extras
            .is_empty()
    );
}

#[test]
fn wrong_uses_of_ignoring_are_told() {
    fails(
        json!({"Contry": null}),
        &RETAIL_II,
        "there is no column \"Contry\", did you mean \"Country\"?",
    );
    fails(
        json!({"Price": null, "unit_price": "price"}),
        &RETAIL_II,
        "column \"Price\" is both ignored and unit_price",
    );
    fails(
        json!({"Country": null, "country": null}),
        &RETAIL_II,
        "column \"Country\" is ignored twice",
    );
    let error = fails(
        json!({"Price": null}),
        &RETAIL_II,
        "no column for unit_price",
    );
    assert!(error.hint().unwrap().contains("\"Price\":null"));
}

#[test]
fn fields_of_a_type_of_their_own_are_noted() {
    let mut found = resolve(json!({"unit_price": {"value": 1.125}}), &RETAIL_II[..5]).unwrap();
    assert_eq!(noted(&found), [Field::UnitPrice]);
    found.note_types(|column| match column {
        0 | 4 => Some(Typed::Moment),
        1 | 3 => Some(Typed::Number),
        _ => None,
    });
    assert_eq!(
        noted(&found),
        [Field::Quantity, Field::SoldAt, Field::UnitPrice]
    );
    found.note_types(|column| (column == 4).then_some(Typed::Number));
    assert_eq!(noted(&found), [Field::UnitPrice]);
    let text = resolve(json!({"unit_price": {"value": "1,125"}}), &RETAIL_II[..5]).unwrap();
    assert_eq!(noted(&text), []);
}

fn noted(columns: &Columns) -> Vec<Field> {
    let typed = Field::ALL.into_iter().zip(columns.typed);
    typed
        .filter_map(|(field, is)| is.then_some(field))
        .collect()
}

#[test]
fn a_column_that_is_not_there_is_named_with_its_neighbour() {
    let error = fails(
        json!({"Invoce": "invoice_no"}),
        &RETAIL_II,
        "there is no column \"Invoce\", did you mean \"Invoice\"?",
    );
    assert!(
        error
            .to_string()
            .contains("the columns are \"Invoice\", \"StockCode\"")
    );
    fails(
        json!({"qqqqqq": "invoice_no"}),
        &RETAIL_II,
        "there is no column \"qqqqqq\"; the columns are",
    );
}

#[test]
fn a_missing_field_shows_the_syntax_with_the_headers_own_names() {
    let names = ["Order Ref", "SKU", "Quantty", "When's it", "Price"];
    let error = fails(
        json!({"SKU": "stock_code"}),
        &names,
        "no column for invoice_no, quantity, sold_at; the columns are",
    );
    assert_eq!(
        error.hint().unwrap(),
        "Say which columns they are: mapping => '{\"Order Ref\":\"invoice_no\",\"Quantty\":\"quantity\",\
         \"SKU\":\"stock_code\",\"When''s it\":\"sold_at\"}'"
    );
}

#[test]
fn nothing_is_mapped_twice() {
    fails(
        json!({"invoice_no": "A", "stock_code": "A"}),
        &["A"],
        "column \"A\" is both invoice_no and stock_code",
    );
    fails(
        json!({"invoice_no": "a b", "stock_code": "A_B"}),
        &["A B"],
        "column \"A B\" is both",
    );
    fails(
        json!({"A": "invoice_no", "B": "invoice_no"}),
        &["A", "B"],
        "invoice_no is mapped twice",
    );
    fails(
        json!({}),
        &["Invoice", "InvoiceNo"],
        "columns \"Invoice\" and \"InvoiceNo\" could both be invoice_no",
    );
    fails(
        json!({"x": "invoice_no"}),
        &["X", "x "],
        "2 columns are called \"x\"",
    );
}

#[test]
fn a_mapping_of_another_shape_says_what_it_takes() {
    fails(
        json!([]),
        &RETAIL_II,
        "mapping: must be a JSON object, not an array",
    );
    fails(
        json!({"a": 1}),
        &RETAIL_II,
        "\"a\" must be a name, {\"value\": ...} or null (to ignore the column), not a number",
    );
    fails(
        json!({"Order": "invoice"}),
        &RETAIL_II,
        "neither \"Order\" nor \"invoice\" is a field, did you mean \"invoice_no\"?",
    );
    fails(
        json!({"contry": {"value": "x"}}),
        &RETAIL_II,
        "\"contry\" is none, did you mean \"country\"?",
    );
    fails(
        json!({"country": {"valu": "x"}}),
        &RETAIL_II,
        "the constant for \"country\" must be",
    );
    fails(json!({"country": {"value": "x\u{0}"}}), &RETAIL_II, "NUL");
}

#[test]
fn more_columns_than_a_table_has_are_refused() {
    let names: Vec<String> = (0..1601).map(|i| i.to_string()).collect();
    let error = Mapping::default().resolve(&names).unwrap_err();
    assert_eq!(error.to_string(), "1601 columns, the limit is 1600");
    assert_eq!(error.class(), Class::LimitExceeded);
}
