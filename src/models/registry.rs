//! Storing models in the registry's tables and reading them back.

use crate::pg::cursor::Rows;
use crate::pg::error::{Failure, Outcome, spi};
use crate::pg::{install, plan, privilege, settings};
use pgrx::prelude::*;
use retailscope_engine::churn::evaluate::Curve;
use retailscope_engine::control::no_memory;
use retailscope_engine::models::{self, ModelError};
use serde_json::Value;
use std::borrow::Cow;

/// What is stored of a model beside its bytes.
pub struct NewModel {
    /// What it is for.
    pub task: Cow<'static, str>,
    /// How it was trained.
    pub algorithm: &'static str,
    /// All parameters, the defaults among them.
    pub params: Value,
    /// The seed.
    pub seed: i64,
    /// It knows nothing of this day and later ones, in days since 1970.
    pub as_of: i32,
    /// Rows that it was trained on.
    pub training_rows: usize,
    /// A hash of these rows.
    pub data_hash: String,
    /// The features that it reads.
    pub features: Vec<String>,
    /// How long the training took.
    pub seconds: f64,
    /// Why it comes to serve, or why not.
    pub verdict: String,
    /// Dataset, metric, value.
    pub metrics: Vec<(&'static str, String, f64)>,
    /// Method, feature, importance.
    pub importance: Vec<(&'static str, String, f64)>,
    /// By name.
    pub curves: Vec<(&'static str, Curve)>,
}

/// A stored model: what tells it from any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Its number.
    pub model_id: i64,
    /// The length of its bytes.
    pub bytes: u64,
    /// Their checksum.
    pub crc32c: u32,
}

/// Keeps other sessions from training or changing models of a task until the transaction ends.
///
/// # Errors
/// PostgreSQL's own unwind: 55P03 with `nowait` when another one does, 25006 where nothing may be written.
pub fn lock(task: &str, nowait: bool) -> Outcome<()> {
    let sql = format!("SELECT {}.rs_lock_task($1, $2)", install::schema()?);
    privilege::require_writable(c"training");
    // Not by Spi::run, which would take a transaction id: a training holds none while it computes.
    plan::run_kept(&sql, &[task.into(), nowait.into()], |_| Ok(()))
}

/// Stores a model as a candidate and gives its number. The task is locked by [`lock`].
///
/// # Errors
/// 40001 when another transaction, which this one cannot see, has stored one meanwhile.
pub fn store(new: &NewModel, bytes: &[u8]) -> Outcome<i64> {
    let model_id = Spi::get_one_with_args::<i64>(
        "INSERT INTO retailscope.model (task, algorithm, version, status, params, seed, as_of, training_rows, data_hash,
                                        format_version, extension_version, bytes, crc32c, features, seconds, verdict)
         SELECT $1, $2, 1 + coalesce(max(m.version), 0), 'candidate', $3::jsonb, $4, date '1970-01-01' + $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
         FROM retailscope.model AS m WHERE m.task = $1
         ON CONFLICT (task, version) DO NOTHING
         RETURNING model_id",
        &[
            new.task.as_ref().into(),
            new.algorithm.into(),
            new.params.to_string().into(),
            new.seed.into(),
            new.as_of.into(),
            (new.training_rows as i64).into(),
            new.data_hash.as_str().into(),
            i32::from(models::FORMAT).into(),
            env!("CARGO_PKG_VERSION").into(),
            (bytes.len() as i64).into(),
            i64::from(models::checksum(bytes)).into(),
            new.features.clone().into(),
            new.seconds.into(),
            new.verdict.as_str().into(),
        ],
    );
    let model_id = match model_id {
        Ok(Some(id)) => id,
        Ok(None) | Err(pgrx::spi::Error::InvalidPosition) => {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE,
                format!(
                    "another session has stored a model for {} meanwhile",
                    new.task
                ),
            )
            .hint("Run the transaction again."));
        }
        Err(error) => return Err(spi(error)),
    };
    for (part, data) in (0i32..).zip(models::parts(bytes)) {
        Spi::run_with_args(
            "INSERT INTO retailscope.model_chunk (model_id, part, data) VALUES ($1, $2, $3)",
            &[model_id.into(), part.into(), data.into()],
        )
        .map_err(spi)?;
    }
    store_figures(model_id, new)?;
    Ok(model_id)
}

fn store_figures(model_id: i64, new: &NewModel) -> Outcome<()> {
    let texts =
        |all: &mut dyn Iterator<Item = &str>| all.map(str::to_owned).collect::<Vec<String>>();
    Spi::run_with_args(
        "INSERT INTO retailscope.model_metric (model_id, dataset, metric, value)
         SELECT $1, t.dataset, t.metric, t.value FROM unnest($2::text[], $3::text[], $4::float8[]) AS t (dataset, metric, value)",
        &[
            model_id.into(),
            texts(&mut new.metrics.iter().map(|m| m.0)).into(),
            texts(&mut new.metrics.iter().map(|m| m.1.as_str())).into(),
            new.metrics.iter().map(|m| m.2).collect::<Vec<f64>>().into(),
        ],
    )
    .map_err(spi)?;
    Spi::run_with_args(
        "INSERT INTO retailscope.model_importance (model_id, method, feature, importance)
         SELECT $1, t.method, t.feature, t.importance FROM unnest($2::text[], $3::text[], $4::float8[]) AS t (method, feature, importance)",
        &[
            model_id.into(),
            texts(&mut new.importance.iter().map(|i| i.0)).into(),
            texts(&mut new.importance.iter().map(|i| i.1.as_str())).into(),
            new.importance.iter().map(|i| i.2).collect::<Vec<f64>>().into(),
        ],
    )
    .map_err(spi)?;
    for (name, points) in &new.curves {
        Spi::run_with_args(
            "INSERT INTO retailscope.model_curve (model_id, curve, position, x, y, threshold)
             SELECT $1, $2, t.position, t.x, t.y, t.threshold
             FROM unnest($3::float8[], $4::float8[], $5::float8[]) WITH ORDINALITY AS t (x, y, threshold, position)",
            &[
                model_id.into(),
                (*name).into(),
                points.iter().map(|p| p.0).collect::<Vec<f64>>().into(),
                points.iter().map(|p| p.1).collect::<Vec<f64>>().into(),
                points.iter().map(|p| p.2).collect::<Vec<Option<f64>>>().into(),
            ],
        )
        .map_err(spi)?;
    }
    Ok(())
}

/// Lets a model serve its task.
///
/// # Errors
/// What `rs_promote` gives.
pub fn promote(model_id: i64, reason: &str) -> Outcome<()> {
    let sql = format!("SELECT {}.rs_promote($1, $2)", install::schema()?);
    Spi::run_with_args(&sql, &[model_id.into(), reason.into()]).map_err(spi)
}

const COLUMNS: &str = "m.model_id, m.bytes, m.crc32c";

/// `None` without a row, or with one that an outer join has left empty.
fn one(rows: Option<&Rows<'_>>) -> Outcome<Option<Stored>> {
    let Some(rows) = rows else { return Ok(None) };
    let (Some(model_id), Some(bytes), Some(crc32c)) =
        (rows.i64(0, 0), rows.i64(0, 1), rows.i64(0, 2))
    else {
        return Ok(None);
    };
    match (u64::try_from(bytes), u32::try_from(crc32c)) {
        (Ok(bytes), Ok(crc32c)) => Ok(Some(Stored {
            model_id,
            bytes,
            crc32c,
        })),
        _ => Err(ModelError::Corrupted("the registry states no such checksum").into()),
    }
}

/// The model that serves a task, as the calling statement sees it; `None` when there is none.
///
/// # Errors
/// 58P01-like refusals are not its own: 55000 when the one that was promoted has gone.
pub fn serving(task: &str) -> Outcome<Option<Stored>> {
    let sql = format!(
        "SELECT {COLUMNS}, d.model_id FROM (SELECT d.model_id FROM retailscope.model_deployment AS d
             WHERE d.task OPERATOR(pg_catalog.=) $1 ORDER BY d.deployment_id DESC LIMIT 1) AS d
         LEFT JOIN retailscope.model AS m ON m.model_id OPERATOR(pg_catalog.=) d.model_id"
    );
    plan::run_kept(&sql, &[task.into()], |rows| {
        let Some(found) = rows else { return Ok(None) };
        match (one(Some(found))?, found.i64(0, 3)) {
            (None, Some(gone)) => Err(Failure::new(
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("model {gone}, which serves {task}, is no longer in the registry"),
            )
            .hint("Promote another one: SELECT * FROM rs_models(); SELECT rs_promote(model_id).")),
            (stored, _) => Ok(stored),
        }
    })
}

/// [`serving`], or the refusal that says how to get one.
///
/// # Errors
/// 55000 without a model.
pub fn serving_or_hint(task: &str, hint: &str) -> Outcome<Stored> {
    serving(task)?.ok_or_else(|| {
        Failure::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("there is no model for {task} yet"),
        )
        .hint(hint)
    })
}

/// A model by its number.
///
/// # Errors
/// PostgreSQL's own unwind.
pub fn stored(model_id: i64) -> Outcome<Option<Stored>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM retailscope.model AS m WHERE m.model_id OPERATOR(pg_catalog.=) $1"
    );
    plan::run_kept(&sql, &[model_id.into()], one)
}

/// The bytes of a stored model, complete and with the checksum that the registry states.
///
/// # Errors
/// XX001 when pieces are missing or are not as they were written, 53200 when they are more than `max_memory`.
pub fn bytes_of(stored: &Stored) -> Outcome<Vec<u8>> {
    let limit = settings::max_memory();
    if stored.bytes > limit {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY,
            format!(
                "reading a model: {} bytes of memory needed, the limit is {limit}",
                stored.bytes
            ),
        )
        .hint("Raise retailscope.max_memory."));
    }
    let mut bytes: Vec<u8> = Vec::new();
    let wanted = usize::try_from(stored.bytes).unwrap_or(usize::MAX);
    bytes
        .try_reserve_exact(wanted)
        .map_err(no_memory("reading a model", stored.bytes))?;
    let sql = "SELECT c.data FROM retailscope.model_chunk AS c
         WHERE c.model_id OPERATOR(pg_catalog.=) $1 AND c.part OPERATOR(pg_catalog.=) $2";
    // One by one: all of them at once would be held twice.
    let mut part = 0i32;
    while bytes.len() < wanted {
        let found = plan::run_kept(sql, &[stored.model_id.into(), part.into()], |rows| {
            let data = rows.and_then(|r| r.text(0, 0)).unwrap_or_default();
            let fits = !data.is_empty() && bytes.len() + data.len() <= wanted;
            if fits {
                bytes.extend_from_slice(data);
            }
            Ok(fits)
        })?;
        if !found {
            return Err(ModelError::Corrupted("a part of it is missing").into());
        }
        part += 1;
    }
    if models::checksum(&bytes) != stored.crc32c {
        return Err(ModelError::Corrupted("its checksum does not match the registry's").into());
    }
    Ok(bytes)
}
