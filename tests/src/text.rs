//! Rows and errors in the form in which tests compare them.

use postgres::{Client, Error, SimpleQueryMessage};

/// The SQLSTATE of a server's error; empty for an error of the connection.
pub fn sqlstate(error: &Error) -> String {
    error
        .code()
        .map(|c| c.code().to_owned())
        .unwrap_or_default()
}

/// The server's message, without severity and code.
pub fn error_text(error: &Error) -> String {
    match error.as_db_error() {
        Some(db) => db.message().to_owned(),
        None => error.to_string(),
    }
}

/// The server's hint; empty when there is none.
pub fn hint(error: &Error) -> String {
    error
        .as_db_error()
        .and_then(|db| db.hint())
        .unwrap_or_default()
        .to_owned()
}

/// All rows of all statements in `sql`, each value as the server prints it; NULL is `None`.
pub fn rows_as_text(client: &mut Client, sql: &str) -> Vec<Vec<Option<String>>> {
    client
        .simple_query(sql)
        .unwrap_or_else(|e| panic!("{e}: {:?}\n{sql}", e.as_db_error()))
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(
                (0..row.len())
                    .map(|i| row.get(i).map(str::to_owned))
                    .collect(),
            ),
            _ => None,
        })
        .collect()
}

/// The first value of the first row as text; empty for NULL and for no row.
pub fn query_one(client: &mut Client, sql: &str) -> String {
    rows_as_text(client, sql)
        .into_iter()
        .next()
        .and_then(|row| row.into_iter().next().flatten())
        .unwrap_or_default()
}
