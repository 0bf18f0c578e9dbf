//! What rules decide, in which order, and which are refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::line::LineKind;
use super::rules::{
    Matcher, Outcome, Rule, RuleKind, Rules, Texts, standard_aliases, standard_rules,
};
use crate::error::{Class, Classified};
use crate::ingest::Field;

const PLAIN: Texts<'static> = Texts {
    invoice_no: "489434",
    stock_code: "85048",
    description: "BAG",
    customer_id: "13085",
    country: "EIRE",
};

fn rule(
    priority: i32,
    field: Field,
    pattern: &str,
    kind: Option<LineKind>,
    is_merchandise: Option<bool>,
) -> Rule {
    let kind = kind.map(RuleKind::Kind);
    Rule {
        priority,
        field,
        pattern: pattern.into(),
        kind,
        is_merchandise,
        note: String::new(),
    }
}

fn matcher(rules: Vec<Rule>) -> Matcher {
    Matcher::new(Rules::compile(rules, Vec::new()).unwrap())
}

fn line(kind: Option<LineKind>, is_merchandise: bool) -> Outcome {
    Outcome::Line {
        kind,
        is_merchandise,
    }
}

#[test]
fn the_standard_rules_on_every_special_code() {
    let mut matcher = matcher(standard_rules());
    let mut outcome = |invoice_no, stock_code| {
        matcher.outcome(&Texts {
            invoice_no,
            stock_code,
            ..PLAIN
        })
    };
    for (code, kind) in [
        ("POST", Some(LineKind::Fee)),
        ("DOT", Some(LineKind::Fee)),
        ("C2", Some(LineKind::Fee)),
        ("C3", Some(LineKind::Fee)),
        ("BANK CHARGES", Some(LineKind::Fee)),
        ("AMAZONFEE", Some(LineKind::Fee)),
        ("CRUK", Some(LineKind::Fee)),
        ("B", Some(LineKind::Adjustment)),
        ("D", Some(LineKind::Adjustment)),
        ("ADJUST", Some(LineKind::Adjustment)),
        ("ADJUST2", Some(LineKind::Adjustment)),
        ("M", None),
        ("S", None),
        ("PADS", None),
        ("SP1002", None),
        ("TEST001", None),
        ("GIFT", None),
        ("GIFT_0001_20", None),
        ("DCGS0066N", None),
        ("DCGSSGIRL", None),
    ] {
        assert_eq!(outcome("489434", code), line(kind, false), "{code}");
        // A cancelled postage is a fee; a cancelled voucher is a return.
        assert_eq!(
            outcome("C489434", code),
            line(kind.or(Some(LineKind::Return)), false),
            "{code}"
        );
    }
    assert_eq!(
        outcome("C489434", "85048"),
        line(Some(LineKind::Return), true)
    );
    assert_eq!(
        outcome("A506401", "85048"),
        line(Some(LineKind::Adjustment), true)
    );
    // Codes of other shops that only look alike.
    for code in [
        "POSTER", "POST1", "C21", "BAG", "DOTS", "MUG", "SHIRT-1", "TEST", "TEST0001", "GIFT_BOX",
        "XDCGS", "ADJUSTER",
    ] {
        assert_eq!(outcome("489434", code), line(None, true), "{code}");
    }
    for invoice in ["C12345", "C1234567", "CA489434", "A1", "ORDER-1"] {
        assert_eq!(outcome(invoice, "85048"), line(None, true), "{invoice}");
    }
}

#[test]
fn a_test_account_is_refused_whatever_it_buys() {
    let mut matcher = matcher(standard_rules());
    for stock_code in ["85048", "POST"] {
        let outcome = matcher.outcome(&Texts {
            customer_id: "Test",
            stock_code,
            ..PLAIN
        });
        assert_eq!(
            outcome,
            Outcome::Reject("customer_id is a test account".into())
        );
    }
    assert_eq!(
        matcher.outcome(&Texts {
            customer_id: "TESTER",
            ..PLAIN
        }),
        line(None, true)
    );
}

#[test]
fn the_lowest_priority_decides_each_thing_by_itself() {
    use LineKind::{Adjustment, Fee};
    let rules = || {
        vec![
            rule(30, Field::StockCode, "85048", Some(Fee), Some(true)),
            rule(20, Field::Country, "eire", Some(Adjustment), None),
            rule(10, Field::Description, "B.*", None, Some(false)),
        ]
    };
    assert_eq!(
        matcher(rules()).outcome(&PLAIN),
        line(Some(Adjustment), false)
    );
    let mut equal = rules();
    equal.iter_mut().for_each(|r| r.priority = 5);
    assert_eq!(matcher(equal).outcome(&PLAIN), line(Some(Fee), true));
}

#[test]
fn a_pattern_must_match_all_of_the_field() {
    let mut matcher = matcher(vec![
        rule(1, Field::StockCode, "A|AB", Some(LineKind::Fee), None),
        rule(2, Field::CustomerId, "", Some(LineKind::Free), None),
    ]);
    let mut kind = |stock_code, customer_id| {
        matcher.outcome(&Texts {
            stock_code,
            customer_id,
            ..PLAIN
        })
    };
    for code in ["A", "AB"] {
        assert_eq!(kind(code, "1"), line(Some(LineKind::Fee), true), "{code}");
    }
    for code in ["ABC", "CAB", "A\n", ""] {
        assert_eq!(kind(code, "1"), line(None, true), "{code:?}");
    }
    assert_eq!(kind("X", ""), line(Some(LineKind::Free), true));
}

#[test]
fn what_is_remembered_is_what_is_computed() {
    let rules = vec![rule(
        1,
        Field::StockCode,
        r"\d*[02468]",
        Some(LineKind::Fee),
        Some(false),
    )];
    let mut matcher = matcher(rules);
    let long = "1".repeat(200);
    // More codes than are remembered, twice, so that they push each other out.
    for n in (0..20_000).chain(0..20_000) {
        for code in [n.to_string(), format!("{long}{n}")]
            .iter()
            .take(if n % 1000 == 0 { 2 } else { 1 })
        {
            let even = n % 2 == 0;
            let want = line(even.then_some(LineKind::Fee), !even);
            assert_eq!(
                matcher.outcome(&Texts {
                    stock_code: code,
                    ..PLAIN
                }),
                want,
                "{code}"
            );
        }
    }
}

#[test]
fn rules_that_cannot_be_used_are_named() {
    let refuse = |pattern: &str, field| {
        let error =
            Rules::compile(vec![rule(1, field, pattern, None, None)], Vec::new()).unwrap_err();
        assert_eq!(error.class(), Class::InvalidParameter);
        assert!(error.hint().is_some());
        error.to_string()
    };
    assert_eq!(
        refuse("(", Field::StockCode),
        "the rule on stock_code with the pattern \"(\" cannot be used: unclosed group"
    );
    // Would be a pattern between the anchors' parentheses, but is none by itself.
    assert!(refuse("a)|(b", Field::StockCode).ends_with("unopened group"));
    assert!(refuse("(a{1000}){1000}", Field::Country).contains("size limit"));
    assert_eq!(
        refuse("1", Field::Quantity),
        "the rule with the pattern \"1\" looks at quantity, which is not a text"
    );
    let many = (0..1_000)
        .map(|n| rule(1, Field::StockCode, &format!("a{{1000}}{n}"), None, None))
        .collect();
    let error = Rules::compile(many, Vec::new()).unwrap_err().to_string();
    assert!(
        error.starts_with("the rules on stock_code are too large together"),
        "{error}"
    );
}

#[test]
fn aliases() {
    let owned = |pairs: Vec<(&str, &str)>| {
        pairs
            .into_iter()
            .map(|(a, c)| (a.to_owned(), c.to_owned()))
            .collect()
    };
    let rules = Rules::compile(Vec::new(), owned(standard_aliases())).unwrap();
    for (alias, country) in [
        ("U.K.", Some("United Kingdom")),
        ("GB", Some("United Kingdom")),
        ("US", Some("USA")),
        ("EIRE", None),
    ] {
        assert_eq!(rules.alias(alias), country);
    }
    assert!(
        standard_aliases()
            .iter()
            .all(|(alias, _)| *alias == alias.to_uppercase())
    );
    assert!(Rules::compile(Vec::new(), owned(vec![(" ", "USA")])).is_err());
    assert!(Rules::compile(Vec::new(), owned(vec![("US", "")])).is_err());
}
