//! What is fitted to a series: a method with its parameters and a transform.

use serde::{Deserialize, Serialize};

use super::boosted::{self, Boosted, BoostedParams};
use super::ets::{self, Ets, EtsParams};
use super::intermittent::{self, Intermittent, IntermittentParams};
use super::mstl::{self, Mstl, MstlParams};
use super::sarima::{self, Sarima, SarimaParams};
use super::simple::{self, Simple, SimpleKind};
use super::theta::{self, Theta, ThetaParams};
use super::transform::Transform;
use super::yearly::{self, YearOverYear};
use super::{Ahead, Fitted, ForecastError, Input, Method, Path};
use crate::control::Control;

/// The most members of an ensemble.
pub const MOST_MEMBERS: usize = 16;

/// A transform that is asked for; the parameter of Box and Cox comes from the data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransformChoice {
    /// None.
    #[default]
    None,
    /// The natural logarithm.
    Log,
    /// Box and Cox's, with Guerrero's parameter.
    BoxCox,
}

/// A method with its parameters.
#[derive(Debug, Clone)]
pub enum Spec {
    /// One of the simple methods.
    Simple(SimpleKind),
    /// Year over year.
    YearOverYear,
    /// One of the methods for intermittent demand.
    Intermittent(IntermittentParams),
    /// Theta.
    Theta(ThetaParams),
    /// Exponential smoothing.
    Ets(EtsParams),
    /// Seasons by loess.
    Mstl(MstlParams),
    /// Seasonal ARIMA.
    Sarima(SarimaParams),
    /// Boosted trees.
    Boosted(BoostedParams),
    /// The median of several.
    Median(Vec<Recipe>),
}

/// A method with its parameters and a transform.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The method's name.
    pub method: Method,
    /// The method.
    pub spec: Spec,
    /// What is done to the values before.
    pub transform: TransformChoice,
}

impl Recipe {
    /// Fits to a series.
    ///
    /// # Errors
    /// What the method gives; [`ForecastError::NotPositive`] of a transform.
    pub fn fit(&self, input: &Input<'_>, control: &dyn Control) -> Result<Fit, ForecastError> {
        control.check()?;
        let transform = match self.transform {
            TransformChoice::None => Transform::None,
            TransformChoice::Log => Transform::log(input.y)?,
            TransformChoice::BoxCox => Transform::box_cox(input.y, input.season)?,
        };
        let y;
        let mut input = *input;
        if transform != Transform::None {
            y = transform.forward(input.y)?;
            input.y = &y;
        }
        let kind = match &self.spec {
            Spec::Simple(kind) => Kind::Simple(simple::fit(&input, *kind, control)?),
            Spec::YearOverYear => Kind::YearOverYear(yearly::fit(&input, control)?),
            Spec::Intermittent(params) => {
                Kind::Intermittent(intermittent::fit(&input, params, control)?)
            }
            Spec::Theta(params) => Kind::Theta(theta::fit(&input, params, control)?),
            Spec::Ets(params) => Kind::Ets(ets::fit(&input, params, control)?),
            Spec::Mstl(params) => Kind::Mstl(mstl::fit(&input, params, control)?),
            Spec::Sarima(params) => Kind::Sarima(Box::new(sarima::fit(&input, params, control)?)),
            Spec::Boosted(params) => {
                Kind::Boosted(Box::new(boosted::fit(&input, params, control)?))
            }
            Spec::Median(members) => Kind::Median(
                members
                    .iter()
                    .map(|member| member.fit(&input, control))
                    .collect::<Result<_, _>>()?,
            ),
        };
        Ok(Fit { transform, kind })
    }
}

/// A fitted method.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fit {
    transform: Transform,
    kind: Kind,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Kind {
    Simple(Simple),
    YearOverYear(YearOverYear),
    Intermittent(Intermittent),
    Theta(Theta),
    Ets(Ets),
    Mstl(Mstl),
    Sarima(Box<Sarima>),
    Boosted(Box<Boosted>),
    Median(Vec<Fit>),
}

impl Kind {
    fn one(&self) -> Option<&dyn Fitted> {
        Some(match self {
            Kind::Simple(fit) => fit,
            Kind::YearOverYear(fit) => fit,
            Kind::Intermittent(fit) => fit,
            Kind::Theta(fit) => fit,
            Kind::Ets(fit) => fit,
            Kind::Mstl(fit) => fit,
            Kind::Sarima(fit) => &**fit,
            Kind::Boosted(fit) => &**fit,
            Kind::Median(_) => return None,
        })
    }

    fn one_mut(&mut self) -> Option<&mut dyn Fitted> {
        Some(match self {
            Kind::Simple(fit) => fit,
            Kind::YearOverYear(fit) => fit,
            Kind::Intermittent(fit) => fit,
            Kind::Theta(fit) => fit,
            Kind::Ets(fit) => fit,
            Kind::Mstl(fit) => fit,
            Kind::Sarima(fit) => &mut **fit,
            Kind::Boosted(fit) => &mut **fit,
            Kind::Median(_) => return None,
        })
    }
}

impl Fit {
    /// What was fitted, such as `SARIMA(1,1,1)(0,1,1)[6]`.
    #[must_use]
    pub fn label(&self) -> String {
        let name = match &self.kind {
            Kind::Simple(fit) => fit.label().to_owned(),
            Kind::YearOverYear(fit) => fit.label().to_owned(),
            Kind::Intermittent(fit) => fit.label().to_owned(),
            Kind::Theta(fit) => fit.label(),
            Kind::Ets(fit) => fit.label(),
            Kind::Mstl(fit) => fit.label(),
            Kind::Sarima(fit) => fit.label(),
            Kind::Boosted(_) => "boosted trees".to_owned(),
            Kind::Median(members) => {
                let labels: Vec<String> = members.iter().map(Fit::label).collect();
                format!("median of {}", labels.join(", "))
            }
        };
        match self.transform {
            Transform::None => name,
            Transform::Log => format!("{name} of the logarithm"),
            Transform::BoxCox(lambda) => format!("{name} of a Box-Cox transform ({lambda:.3})"),
        }
    }

    /// The gain of each feature, of boosted trees.
    #[must_use]
    pub fn importance(&self) -> Vec<(String, f64)> {
        match &self.kind {
            Kind::Boosted(fit) => {
                let shares = fit.importance().into_iter();
                shares
                    .map(|(feature, gain)| (feature.name(), gain))
                    .collect()
            }
            Kind::Median(members) => members
                .iter()
                .map(Fit::importance)
                .find(|i| !i.is_empty())
                .unwrap_or_default(),
            _ => Vec::new(),
        }
    }
}

impl Fitted for Fit {
    fn forecast(&self, ahead: &Ahead<'_>, control: &dyn Control) -> Result<Path, ForecastError> {
        let mut path = match &self.kind {
            Kind::Median(members) => {
                let mut means = Vec::with_capacity(members.len());
                for member in members {
                    means.push(member.forecast(ahead, control)?.mean);
                }
                Path::of(medians(&means, ahead.horizon))
            }
            kind => match kind.one() {
                Some(fit) => fit.forecast(ahead, control)?,
                None => Path::default(),
            },
        };
        self.transform.inverse(&mut path.mean);
        if let Some((lower, upper)) = &mut path.bounds {
            self.transform.inverse(lower);
            self.transform.inverse(upper);
        }
        Ok(path)
    }

    fn append(&mut self, newer: &Input<'_>, control: &dyn Control) -> Result<(), ForecastError> {
        let y = self.transform.forward(newer.y)?;
        let newer = Input { y: &y, ..*newer };
        if let Kind::Median(members) = &mut self.kind {
            for member in members {
                member.append(&newer, control)?;
            }
            return Ok(());
        }
        match self.kind.one_mut() {
            Some(fit) => fit.append(&newer, control),
            None => Ok(()),
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        self.transform.check()?;
        match &self.kind {
            Kind::Median(members) => {
                let plain = |m: &Fit| !matches!(m.kind, Kind::Median(_));
                if members.is_empty() || members.len() > MOST_MEMBERS || !members.iter().all(plain)
                {
                    return Err("an ensemble has impossible members");
                }
                members.iter().try_for_each(Fitted::check)
            }
            kind => kind.one().map_or(Ok(()), Fitted::check),
        }
    }
}

/// The median of the paths at each step.
#[must_use]
pub fn medians(paths: &[Vec<f64>], horizon: usize) -> Vec<f64> {
    let mut at_step = Vec::with_capacity(paths.len());
    (0..horizon)
        .map(|step| {
            at_step.clear();
            at_step.extend(paths.iter().filter_map(|path| path.get(step)));
            median(&mut at_step)
        })
        .collect()
}

/// The median; NaN of nothing.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match (
        values.get(half),
        half.checked_sub(1).and_then(|h| values.get(h)),
    ) {
        (Some(high), Some(low)) if values.len().is_multiple_of(2) => low + (high - low) / 2.0,
        (Some(middle), _) => *middle,
        (None, _) => f64::NAN,
    }
}
