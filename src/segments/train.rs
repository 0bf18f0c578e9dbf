//! Training: all customers as of the day after the newest fact, grouped on worker threads, stored, and set to serve.

use crate::features::{self, day_after_newest};
use crate::models::{self, NewModel, serving};
use crate::pg::cursor::{Snapshot, for_each_batch_in, in_fresh_snapshot};
use crate::pg::datum::date;
use crate::pg::error::{Failure, Outcome};
use crate::pg::interrupt::{Crew, Watch, with_crew};
use crate::pg::json::Document;
use crate::pg::privilege::all_rows;
use crate::segments::{TASK, assign};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::churn::{Feature, FrameBuilder, Frames};
use retailscope_engine::control::Control;
use retailscope_engine::models::{Kind, Schema, seal};
use retailscope_engine::segments::{
    Rfm, SegmentModel, SegmentParams, ValidSegmentParams, check_k, fit,
};
use std::time::Instant;

/// The figures that profiles and names are made of.
const RFM: [&str; 3] = ["recency_days", "frequency", "monetary"];

/// What is asked for.
struct Request {
    k: Option<usize>,
    params: ValidSegmentParams,
    seed: i64,
    day: i32,
    began: Instant,
}

impl Request {
    fn checked(
        k: Option<i32>,
        algorithm: Option<&str>,
        params: Option<Document>,
        seed: Option<i64>,
        began: Instant,
    ) -> Outcome<Request> {
        let json = match params {
            Some(document) => document.value("params")?,
            None => serde_json::json!({}),
        };
        let known: Vec<&str> = features::known()
            .iter()
            .filter(|f| f.is_number)
            .map(|f| f.name)
            .collect();
        let params = SegmentParams::parse(algorithm.unwrap_or("kmeans"), &json)?.check(&known)?;
        Ok(Request {
            k: check_k(k)?,
            params,
            seed: seed.unwrap_or(42),
            day: 0,
            began,
        })
    }
}

/// Groups the customers, stores the model, and lets it serve.
#[pg_extern(volatile, parallel_unsafe)]
#[search_path(pg_catalog, pg_temp)]
pub fn rs_train_segments(
    k: default!(Option<i32>, "NULL"),
    algorithm: default!(Option<&str>, "'kmeans'"),
    params: default!(Option<Document>, "'{}'"),
    seed: default!(Option<i64>, 42),
) -> Result<
    TableIterator<
        'static,
        (
            name!(model_id, i64),
            name!(algorithm, &'static str),
            name!(segments, i32),
            name!(silhouette, Option<f64>),
            name!(customers, i64),
            name!(promoted, bool),
            name!(seconds, f64),
            name!(verdict, String),
        ),
    >,
    ErrorReport,
> {
    let began = Instant::now();
    let request = Request::checked(k, algorithm, params, seed, began)?;
    let promoted = request.params.promote;
    // A model of the customers that one role may see would serve everybody.
    let (new, segments) = all_rows(|| run(request))?;
    let silhouette = new
        .0
        .metrics
        .iter()
        .find(|m| m.1 == "silhouette")
        .map(|m| m.2);
    let model_id = models::store(&new.0, &new.1)?;
    if promoted {
        models::promote(model_id, &new.0.verdict)?;
        refresh_mart()?;
    }
    Ok(TableIterator::once((
        model_id,
        new.0.algorithm,
        segments,
        silhouette,
        i64::try_from(new.0.training_rows).unwrap_or(i64::MAX),
        promoted,
        began.elapsed().as_secs_f64(),
        new.0.verdict,
    )))
}

fn refresh_mart() -> Outcome<()> {
    let sql = format!(
        "SELECT {}.rs_refresh_segments()",
        crate::pg::install::schema()?
    );
    Spi::run(&sql).map_err(crate::pg::error::spi)
}

/// The model to store with its bytes, and its number of segments.
fn run(request: Request) -> Outcome<((NewModel, Vec<u8>), i32)> {
    models::lock(TASK, false)?;
    // Another session may have stored a model, or loaded sales, while this one waited.
    in_fresh_snapshot(|| trained(request))
}

fn trained(mut request: Request) -> Outcome<((NewModel, Vec<u8>), i32)> {
    request.day = day_after_newest()?;
    let previous = serving(TASK).and_then(|stored| stored.map(|s| assign::load(&s)).transpose());
    let previous = match previous {
        // A training is the way out of that, and must not need it.
        Err(failure) if failure.is_unusable() => None,
        previous => previous?.map(|model| SegmentModel::clone(&model)),
    };
    with_crew(|crew| {
        let frames = read(&request, crew)?;
        let watch = crew.watch();
        let worker = crew.spawn("segments", move || {
            watch.in_parallel(|| compute(&request, &frames, previous.as_ref(), watch))
        })?;
        crew.join(worker)
    })
}

/// One frame: the features of the model, then those of [`RFM`] that are not among them.
fn read(request: &Request, crew: &Crew<'_, '_>) -> Outcome<Frames> {
    crew.announce("reading features");
    let own = request.params.features.iter().map(String::as_str);
    let mut names: Vec<&str> = own.collect();
    let more: Vec<&str> = RFM.into_iter().filter(|f| !names.contains(f)).collect();
    names.extend(more);
    let all = names.iter().map(|n| Feature::Number((*n).to_owned()));
    let mut builder = FrameBuilder::new(all.collect(), crew.watch());
    let mut numbers = Vec::new();
    let sql = features::of_one_day(&names)?;
    let mut read = 0;
    for_each_batch_in(Snapshot::Statement, &sql, &[date(request.day)], |rows| {
        for row in 0..rows.len() {
            features::values(rows, row, 1, (names.len(), 0), &mut numbers);
            let id = rows.text(row, 0).unwrap_or_default();
            builder.push(request.day, id, &numbers, &[], 0.0, false)?;
        }
        read += rows.len() as u64;
        crew.watch().progress("reading features", read, 0);
        crew.poll();
        Ok(())
    })?;
    Ok(builder.finish(1)?)
}

fn compute(
    request: &Request,
    frames: &Frames,
    previous: Option<&SegmentModel>,
    watch: &Watch,
) -> Outcome<((NewModel, Vec<u8>), i32)> {
    let part = frames.part(0, 1);
    let column = |name: &str| -> Outcome<Vec<f64>> {
        let at = frames.features.iter().position(|f| f.name() == name);
        let at = at.ok_or_else(|| Failure::internal(format!("{name} was not read")))?;
        Ok(part.x.column(at).to_vec())
    };
    let [recency_days, frequency, monetary] = [column(RFM[0])?, column(RFM[1])?, column(RFM[2])?];
    let rfm = Rfm {
        recency_days: &recency_days,
        frequency: &frequency,
        monetary: &monetary,
    };
    let width = request.params.features.len();
    let x = part.x.slice(ndarray::s![.., ..width]);
    let fitted = fit(
        x,
        &rfm,
        request.k,
        &request.params,
        request.seed,
        previous,
        watch,
    )?;
    let model = fitted.model;
    let schema = Schema {
        features: model.features.clone(),
        types: vec!["number".to_owned(); width],
    };
    let bytes = seal(Kind::Segments, &schema, &model, watch)?;
    let segments = i32::try_from(model.len()).unwrap_or(i32::MAX);
    Ok(((describe(request, frames, &model), bytes), segments))
}

fn describe(request: &Request, frames: &Frames, model: &SegmentModel) -> NewModel {
    let rows = frames.part(0, 1).len();
    let mut metrics = vec![
        ("train", "customers".to_owned(), rows as f64),
        ("train", "segments".to_owned(), model.len() as f64),
    ];
    let chosen = model.curve.iter().find(|p| p.k as usize == model.len());
    if let Some(point) = chosen {
        metrics.push(("train", "silhouette".to_owned(), point.silhouette));
        let others = [("inertia", point.inertia), ("bic", point.bic)];
        metrics.extend(
            others
                .into_iter()
                .filter_map(|(name, v)| Some(("train", name.to_owned(), v?))),
        );
    }
    let mut curves = Vec::new();
    type Figure = fn(&retailscope_engine::segments::CurvePoint) -> Option<f64>;
    let figures: [(&'static str, Figure); 3] = [
        ("silhouette", |p| Some(p.silhouette)),
        ("inertia", |p| p.inertia),
        ("bic", |p| p.bic),
    ];
    for (name, figure) in figures {
        let points: Vec<(f64, f64, Option<f64>)> = model
            .curve
            .iter()
            .filter_map(|p| Some((f64::from(p.k), figure(p)?, None)))
            .collect();
        if !points.is_empty() {
            curves.push((name, points));
        }
    }
    let p = &request.params;
    NewModel {
        task: TASK.into(),
        algorithm: model.algorithm.name(),
        params: serde_json::json!({
            "k": request.k, "features": p.features, "log": p.log, "n_init": p.n_init, "k_min": p.k_min, "k_max": p.k_max,
            "max_iter": p.max_iter, "sample": p.sample,
        }),
        seed: request.seed,
        as_of: request.day,
        training_rows: rows,
        data_hash: frames.hash(1),
        features: model.features.clone(),
        seconds: request.began.elapsed().as_secs_f64(),
        verdict: if p.promote {
            "the newest segments serve; their numbers follow those before".to_owned()
        } else {
            "params say not to promote it".to_owned()
        },
        metrics,
        importance: Vec::new(),
        curves,
    }
}
