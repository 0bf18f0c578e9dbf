//! Whether a new model may take over: only where it is better on the same customers, by more than chance.

use super::FitError;
use super::delong;
use super::frame::{FrameDigest, Part};
use super::model::ChurnModel;
use super::train::Trained;
use crate::calendar::day_text;
use crate::control::Control;

/// The level of the one-sided test.
const LEVEL: f64 = 0.05;

/// A decision and its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// True to let the new model serve.
    pub promote: bool,
    /// Why, or why not.
    pub reason: String,
}

/// The model that serves, asked about the customers of the new model's holdout.
#[derive(Debug)]
pub struct Champion<'a> {
    /// Its number.
    pub model_id: i64,
    /// The model.
    pub model: &'a ChurnModel,
    /// What it predicts for each of them.
    pub probabilities: &'a [f64],
    /// The holdout as it saw it.
    pub holdout: &'a FrameDigest,
}

fn stays(reason: String) -> Verdict {
    Verdict {
        promote: false,
        reason,
    }
}

/// Compares a new model with the champion on the holdout by DeLong's paired test of their ROC AUC, one-sided at 5 %. The
/// first model of a task is promoted; a model for another horizon is not comparable, and neither is a champion that was trained on
/// the holdout's days.
///
/// # Errors
/// [`FitError::Stopped`].
pub fn verdict(
    trained: &Trained,
    holdout: Part<'_>,
    champion: Option<&Champion<'_>>,
    wanted: bool,
    control: &dyn Control,
) -> Result<Verdict, FitError> {
    if !wanted {
        return Ok(stays("params say not to promote it".into()));
    }
    let Some(champion) = champion else {
        return Ok(Verdict {
            promote: true,
            reason: "the first model of churn".into(),
        });
    };
    let id = champion.model_id;
    let (old, new) = (champion.model, &trained.model);
    if old.horizon_days != new.horizon_days {
        return Ok(stays(format!(
            "not comparable: model {id}, which serves, predicts {} days and this one {}",
            old.horizon_days, new.horizon_days
        )));
    }
    let day = day_text(new.holdout.cutoff);
    let seen = old
        .frames
        .iter()
        .any(|f| f.cutoff + old.horizon_days > new.holdout.cutoff);
    if seen {
        return Ok(stays(format!(
            "not comparable: model {id}, which serves, was trained on days of the holdout of {day}"
        )));
    }
    if champion.holdout.labels != new.holdout.labels {
        return Ok(stays(format!(
            "not comparable: sales changed while model {id}, which serves, was asked about the holdout of {day}"
        )));
    }
    let compared = delong::compare(
        &trained.holdout,
        champion.probabilities,
        holdout.labels,
        control,
    )?;
    let Some(test) = compared else {
        return Ok(stays(format!(
            "not comparable: the holdout of {day} has fewer than two customers of a kind"
        )));
    };
    let figures = format!(
        "ROC AUC {:.4} against {:.4} of model {id} on the holdout of {day} (DeLong's test, one-sided p = {:.3})",
        test.auc_a, test.auc_b, test.p_a_better
    );
    let better = test.auc_a > test.auc_b && test.p_a_better < LEVEL;
    Ok(if better {
        Verdict {
            promote: true,
            reason: format!("better: {figures}"),
        }
    } else {
        stays(format!("not better by more than chance: {figures}"))
    })
}
