//! Which days a model is trained on and evaluated on.

use crate::features::day_after_newest;
use crate::pg::error::{Failure, Outcome};
use crate::pg::plan::run_kept;
use pgrx::prelude::*;
use retailscope_engine::churn::options::ValidChurnParams;
use retailscope_engine::day_text as text;

/// Frames at most, unless they are named.
const FRAMES: i32 = 6;
/// Days of sales before a frame that make its features worth something.
const HISTORY: i32 = 180;
/// The same when there is little.
const SHORT_HISTORY: i32 = 30;

/// The days of the frames, since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Days {
    /// Of the training frames, ascending. Their label windows end before the holdout begins.
    pub cutoffs: Vec<i32>,
    /// Of the holdout, whose window is fully observed.
    pub holdout: i32,
}

impl Days {
    /// The days that were asked for, or the usual ones: the last holdout that is fully observed, and before it frames a horizon
    /// apart.
    ///
    /// # Errors
    /// 22023 for days whose windows are not observed, or reach into the holdout; 55000 when there are too few sales.
    pub fn choose(params: &ValidChurnParams, horizon: i32) -> Outcome<Days> {
        let end = day_after_newest()?;
        let holdout = params.holdout.unwrap_or(end - horizon);
        if holdout + horizon > end {
            return Err(Failure::invalid(format!(
                "the holdout of {} is not fully observed: {horizon} days after it there are no sales yet",
                text(holdout)
            ))
            .hint(format!("The last possible holdout is {}.", text(end - horizon))));
        }
        let cutoffs = match &params.cutoffs {
            Some(cutoffs) => {
                if let Some(late) = cutoffs.iter().find(|c| **c + horizon > holdout) {
                    return Err(Failure::invalid(format!(
                        "the {horizon} days after the cutoff {} reach into the holdout of {}",
                        text(*late),
                        text(holdout)
                    ))
                    .hint(format!(
                        "The last possible cutoff is {}: a model must not be judged by what it was trained on.",
                        text(holdout - horizon)
                    )));
                }
                cutoffs.clone()
            }
            None => usual(first_sale()?, holdout, horizon),
        };
        if cutoffs.is_empty() {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("too few days of sales for a horizon of {horizon} days"),
            )
            .hint(format!(
                "Load at least {} days, or take a shorter horizon: rs_train_churn(horizon_days => 30).",
                2 * horizon + SHORT_HISTORY
            )));
        }
        Ok(Days { cutoffs, holdout })
    }

    /// All days, the holdout last.
    pub fn all(&self) -> Vec<i32> {
        let mut all = self.cutoffs.clone();
        all.push(self.holdout);
        all
    }
}

fn usual(first: i32, holdout: i32, horizon: i32) -> Vec<i32> {
    let with_history = |days: i32| {
        let mut cutoffs: Vec<i32> = (1..=FRAMES)
            .map(|n| holdout - n * horizon)
            .take_while(|c| c - first >= days)
            .collect();
        cutoffs.reverse();
        cutoffs
    };
    let cutoffs = with_history(HISTORY);
    if cutoffs.is_empty() {
        with_history(SHORT_HISTORY)
    } else {
        cutoffs
    }
}

/// The day of the first sale to a known customer.
fn first_sale() -> Outcome<i32> {
    let day = run_kept(
        "SELECT min(c.first_sale_date) - date '1970-01-01' FROM retailscope.dim_customer AS c",
        &[],
        |rows| Ok(rows.and_then(|r| r.i32(0, 0))),
    )?;
    day.ok_or_else(|| {
        Failure::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "there are no sales to known customers",
        )
        .hint("A model of churn needs lines with a customer_id.")
    })
}
