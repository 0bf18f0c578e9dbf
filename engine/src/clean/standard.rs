//! The rules and aliases that a new warehouse starts with: right for Online Retail, harmless for other shops.

use super::line::LineKind;
use super::rules::{Rule, RuleKind};
use crate::ingest::Field;

/// The rules that `rs_create_warehouse()` seeds into `retailscope.clean_rule`.
///
/// They name exact codes. Codes come before invoices, so that a cancelled postage is a fee and not a return.
#[must_use]
pub fn standard_rules() -> Vec<Rule> {
    use Field::{CustomerId, InvoiceNo, StockCode};
    let reject = Some(RuleKind::Reject);
    let fee = Some(RuleKind::Kind(LineKind::Fee));
    let adjustment = Some(RuleKind::Kind(LineKind::Adjustment));
    let returned = Some(RuleKind::Kind(LineKind::Return));
    let not_goods = Some(false);
    [
        (
            10,
            CustomerId,
            "TEST",
            reject,
            None,
            "customer_id is a test account",
        ),
        (20, StockCode, "POST", fee, not_goods, "postage"),
        (
            20,
            StockCode,
            "DOT",
            fee,
            not_goods,
            "postage of the web shop",
        ),
        (20, StockCode, "C2", fee, not_goods, "carriage"),
        (20, StockCode, "C3", fee, not_goods, "carriage"),
        (
            20,
            StockCode,
            "BANK CHARGES",
            fee,
            not_goods,
            "bank charges",
        ),
        (
            20,
            StockCode,
            "AMAZONFEE",
            fee,
            not_goods,
            "commission of a marketplace",
        ),
        (
            20,
            StockCode,
            "CRUK",
            fee,
            not_goods,
            "commission to a charity",
        ),
        (30, StockCode, "B", adjustment, not_goods, "bad debt"),
        (30, StockCode, "D", adjustment, not_goods, "discount"),
        (
            30,
            StockCode,
            r"ADJUST\d*",
            adjustment,
            not_goods,
            "adjustment by hand",
        ),
        (
            40,
            InvoiceNo,
            r"A\d{6}",
            adjustment,
            None,
            "adjusting invoice",
        ),
        (
            50,
            InvoiceNo,
            r"C\d{6}",
            returned,
            None,
            "cancelled invoice",
        ),
        (
            60,
            StockCode,
            "M",
            None,
            not_goods,
            "entered by hand, no article",
        ),
        (60, StockCode, "S", None, not_goods, "samples"),
        (
            60,
            StockCode,
            "PADS",
            None,
            not_goods,
            "pads to match all cushions, no article",
        ),
        (
            60,
            StockCode,
            "SP1002",
            None,
            not_goods,
            "special item, no article",
        ),
        (60, StockCode, r"TEST\d{3}", None, not_goods, "test product"),
        (
            60,
            StockCode,
            r"GIFT(_\d{4}_\d+)?",
            None,
            not_goods,
            "gift voucher",
        ),
        (
            60,
            StockCode,
            "DCGS[A-Z0-9]*",
            None,
            not_goods,
            "article of another channel",
        ),
    ]
    .into_iter()
    .map(
        |(priority, field, pattern, kind, is_merchandise, note)| Rule {
            priority,
            field,
            pattern: pattern.to_owned(),
            kind,
            is_merchandise,
            note: note.to_owned(),
        },
    )
    .collect()
}

/// The country aliases that `rs_create_warehouse()` seeds into `retailscope.country_alias`: upper case, and the country.
#[must_use]
pub fn standard_aliases() -> Vec<(&'static str, &'static str)> {
    const UNITED_KINGDOM: [&str; 4] = ["U.K.", "UK", "GB", "GREAT BRITAIN"];
    const USA: [&str; 4] = ["U.S.A.", "US", "UNITED STATES", "UNITED STATES OF AMERICA"];
    let kingdom = UNITED_KINGDOM
        .into_iter()
        .map(|alias| (alias, "United Kingdom"));
    kingdom
        .chain(USA.into_iter().map(|alias| (alias, "USA")))
        .collect()
}
