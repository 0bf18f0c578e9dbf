//! A model as an SQL expression over the columns of `rs_customer_features`: plain arithmetic that any SQL server computes to
//! the same numbers.

use super::FitError;
use super::calibration::Calibration;
use super::frame::{Column, Feature};
use super::learner::{Learner, Scale};
use super::model::ChurnModel;
use crate::trees::{Ensemble, Node};

/// Above so many nodes an expression is no longer something to paste.
const NODES: usize = 20_000;

/// The probability of churn as an expression of type double precision.
///
/// # Errors
/// [`FitError::TooLarge`] for trees with more than 20,000 nodes, and for isotonic calibrations of more than 1,000 points.
pub fn of(model: &ChurnModel) -> Result<String, FitError> {
    let score = match &model.learner {
        Learner::Linear {
            preparation,
            model: linear,
        } => {
            let mut sum = number(linear.intercept);
            let units = preparation.units().zip(preparation.sources()).enumerate();
            for (at, (unit, source)) in units {
                let (Some((mean, scale)), Some(weight)) = (unit, linear.coefficients.get(at))
                else {
                    continue;
                };
                let value = column(model, source);
                let term = if at < preparation.features().len() {
                    let value = if preparation.log() {
                        format!("(sign({value}) * ln(1 + abs({value})))")
                    } else {
                        value
                    };
                    format!(
                        "coalesce(({value} - {}) / {}, 0)",
                        number(mean),
                        number(scale)
                    )
                } else {
                    format!(
                        "((CASE WHEN {value} IS NULL THEN 1 ELSE 0 END - {}) / {})",
                        number(mean),
                        number(scale)
                    )
                };
                sum.push_str(&format!("\n    + {} * {term}", number(*weight)));
            }
            sum
        }
        Learner::Trees { ensemble, .. } => trees(model, ensemble)?,
    };
    calibrated(model, &score)
}

fn calibrated(model: &ChurnModel, score: &str) -> Result<String, FitError> {
    let logistic = |margin: String| format!("1 / (1 + exp(-greatest(-700, least(700, {margin}))))");
    let inside = |p: String| format!("greatest(0.000001, least(0.999999, {p}))");
    Ok(match (&model.calibration, model.learner.scale()) {
        (Calibration::Platt { a, b }, _) => inside(logistic(format!(
            "{} * ({score}) + {}",
            number(*a),
            number(*b)
        ))),
        (Calibration::None, Scale::Probability) => {
            format!("greatest(0::float8, least(1::float8, {score}))")
        }
        (Calibration::None, _) => logistic(format!("({score})")),
        (Calibration::Isotonic { x, y }, _) => {
            if x.len() > 1000 {
                return Err(FitError::TooLarge(format!(
                    "the isotonic calibration has {} points: too many for an expression",
                    x.len()
                )));
            }
            // The score is computed once, beside the expression that reads it.
            inside(format!(
                "(SELECT {} FROM (SELECT {score} AS score) AS s)",
                steps(x, y)
            ))
        }
    })
}

/// Linear interpolation between points.
fn steps(x: &[f64], y: &[f64]) -> String {
    let mut cases = String::from("CASE");
    let mut before: Option<(f64, f64)> = None;
    for (x, y) in x.iter().zip(y) {
        let value = match before {
            None => number(*y),
            Some((x0, y0)) => format!(
                "{} + (s.score - {}) * {}",
                number(y0),
                number(x0),
                number((y - y0) / (x - x0))
            ),
        };
        cases.push_str(&format!(" WHEN s.score <= {} THEN {value}", number(*x)));
        before = Some((*x, *y));
    }
    let last = before.map_or(0.5, |(_, y)| y);
    format!("{cases} ELSE {} END", number(last))
}

fn trees(model: &ChurnModel, ensemble: &Ensemble) -> Result<String, FitError> {
    let nodes: usize = (0..ensemble.trees()).map(|t| ensemble.nodes(t).len()).sum();
    if nodes > NODES {
        return Err(FitError::TooLarge(format!(
            "its trees have {nodes} nodes: an expression may have {NODES}"
        )));
    }
    let mut sum = number(ensemble.base());
    for tree in 0..ensemble.trees() {
        sum.push_str("\n    + ");
        tree_into(model, ensemble, ensemble.nodes(tree).start, &mut sum);
    }
    Ok(sum)
}

/// What is still to be written of a tree: depth is bounded by the tree's own, but it is data, so no recursion.
enum Piece {
    Node(usize),
    Text(&'static str),
}

fn tree_into(model: &ChurnModel, ensemble: &Ensemble, root: usize, out: &mut String) {
    let mut todo = vec![Piece::Node(root)];
    while let Some(piece) = todo.pop() {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Node(node) => match ensemble.node(node) {
                Node::Leaf { value } => out.push_str(&number(value)),
                Node::Split {
                    feature,
                    threshold,
                    left,
                    right,
                    missing_left,
                } => {
                    let value = column(model, feature);
                    // A comparison with NULL is not true, so that a missing value goes right by itself.
                    let or_missing = if missing_left {
                        format!(" OR {value} IS NULL")
                    } else {
                        String::new()
                    };
                    out.push_str(&format!(
                        "CASE WHEN {value} <= {}{or_missing} THEN ",
                        number(threshold)
                    ));
                    todo.push(Piece::Text(" END"));
                    todo.push(Piece::Node(right));
                    todo.push(Piece::Text(" ELSE "));
                    todo.push(Piece::Node(left));
                }
            },
        }
    }
}

/// A column of the matrix in SQL.
fn column(model: &ChurnModel, at: usize) -> String {
    let Some(Column { feature, level }) = model.columns.get(at) else {
        return "NULL::float8".to_owned();
    };
    let name = model
        .features
        .get(*feature as usize)
        .map_or("", Feature::name);
    match level {
        None => format!("{}::float8", quoted(name, '"')),
        Some(level) => format!(
            "(CASE WHEN {} = {} THEN 1 ELSE 0 END)::float8",
            quoted(name, '"'),
            literal(level)
        ),
    }
}

fn quoted(name: &str, with: char) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain && with == '"' {
        return name.to_owned();
    }
    let doubled: String = name
        .chars()
        .flat_map(|c| std::iter::repeat_n(c, if c == with { 2 } else { 1 }))
        .collect();
    format!("{with}{doubled}{with}")
}

/// A string that reads the same whatever `standard_conforming_strings` is.
fn literal(text: &str) -> String {
    let quoted = quoted(text, '\'');
    if text.contains('\\') {
        format!("E{}", quoted.replace('\\', "\\\\"))
    } else {
        quoted
    }
}

/// A number that reads back as the same double.
fn number(value: f64) -> String {
    if value < 0.0 {
        format!("({value:?}::float8)")
    } else {
        format!("{value:?}::float8")
    }
}
