//! A cluster from initdb to its removal.

use crate::server::{self, Owner};
use postgres::{Client, Config, NoTls};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How `initdb` makes the cluster.
#[derive(Debug, Clone)]
pub struct InitOptions<'a> {
    /// Lines of postgresql.conf; they win over ours.
    pub conf: &'a [&'a str],
    /// Arguments of initdb that choose encoding and locale.
    pub initdb: &'a [&'a str],
}

impl Default for InitOptions<'_> {
    fn default() -> Self {
        InitOptions {
            conf: &[],
            initdb: &["--no-locale", "-E", "UTF8"],
        }
    }
}

/// A running server whose superuser is `postgres` and who trusts whoever reaches its socket.
///
/// No process of it may crash: each new connection and the cluster's end look into its log, and panic when one has (see
/// [`Cluster::forgive_crashes`]). A crash that nobody connects after has ended the session of the test that caused it.
#[derive(Debug)]
pub struct Cluster {
    dir: PathBuf,
    bindir: PathBuf,
    owner: Owner,
    watchdog: Child,
    /// Bytes of the log in which crashes are no surprise.
    forgiven: AtomicUsize,
}

impl Cluster {
    /// UTF8, locale C, and these lines of postgresql.conf.
    pub fn start(conf: &[&str]) -> Cluster {
        Cluster::start_with(&InitOptions {
            conf,
            ..InitOptions::default()
        })
    }

    /// A cluster with an encoding or a locale of its own.
    pub fn start_with(options: &InitOptions<'_>) -> Cluster {
        let cluster = Cluster::without_data();
        cluster.initdb(options);
        cluster.folder("");
        cluster.pg_ctl(&["start"]);
        cluster
    }

    /// A hot standby of this cluster: a copy that follows it and takes connections that read.
    pub fn standby(&self) -> Cluster {
        let standby = Cluster::without_data();
        let mut copy = self.command("pg_basebackup");
        copy.args(["-R", "-X", "stream", "-c", "fast", "--no-sync", "-D"])
            .arg(standby.data_dir());
        server::must(&mut copy);
        standby.append_conf(&format!(
            "unix_socket_directories = '{}'\n",
            standby.dir.display()
        ));
        standby.folder("");
        standby.pg_ctl(&["start"]);
        standby
    }

    /// A folder for a cluster, and who removes it.
    fn without_data() -> Cluster {
        let owner = server::owner();
        let bindir = server::bindir();
        // A socket's path has 107 bytes at most, so TMPDIR is not asked.
        let made = server::must(
            server::command(owner, "mktemp").args(["-d", "/tmp/retailscope-test.XXXXXX"]),
        );
        let dir = PathBuf::from(String::from_utf8_lossy(&made.stdout).trim());
        Cluster {
            watchdog: watchdog(owner, &bindir, &dir),
            dir,
            bindir,
            owner,
            forgiven: AtomicUsize::new(0),
        }
    }

    fn initdb(&self, options: &InitOptions<'_>) {
        let mut initdb = self.command("initdb");
        initdb
            .args([
                "-A",
                "trust",
                "-U",
                "postgres",
                "--no-sync",
                "--no-instructions",
                "-D",
            ])
            .arg(self.data_dir())
            .args(options.initdb);
        server::must(&mut initdb);
        let mut lines = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nport = 5432\nfsync = off\ntimezone = 'UTC'\n\
             max_connections = 40\nlog_min_messages = warning\n",
            self.dir.display()
        );
        for line in options.conf {
            lines.push_str(line);
            lines.push('\n');
        }
        self.append_conf(&lines);
    }

    fn append_conf(&self, lines: &str) {
        std::fs::OpenOptions::new()
            .append(true)
            .open(self.data_dir().join("postgresql.conf"))
            .and_then(|mut file| file.write_all(lines.as_bytes()))
            .expect("postgresql.conf can be written");
    }

    /// The cluster's own folder, which holds the data directory, the socket, the log and `files`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// PGDATA.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// What the server has logged so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.dir.join("log")).unwrap_or_default())
            .into_owned()
    }

    /// The crashes that happened so far are what the test wanted.
    pub fn forgive_crashes(&self) {
        self.forgiven.store(self.log().len(), Ordering::Relaxed);
    }

    /// What the log says of processes that crashed, but for those that were forgiven.
    pub fn crashes(&self) -> Vec<String> {
        let log = std::fs::read(self.dir.join("log")).unwrap_or_default();
        let fresh = log.get(self.forgiven.load(Ordering::Relaxed)..);
        String::from_utf8_lossy(fresh.unwrap_or_default())
            .lines()
            .filter(|l| l.contains("was terminated by signal") || l.contains("PANIC: "))
            .map(str::to_owned)
            .collect()
    }

    /// The process id of the postmaster.
    pub fn postmaster_pid(&self) -> u32 {
        let file = std::fs::read_to_string(self.data_dir().join("postmaster.pid"));
        let file = file.expect("the server runs");
        file.lines()
            .next()
            .and_then(|l| l.parse().ok())
            .expect("a process id")
    }

    /// Where and as whom to connect, for a test that wants settings of its own.
    pub fn config(&self, db: &str, user: &str) -> Config {
        let mut config = Config::new();
        config
            .host_path(&self.dir)
            .port(5432)
            .dbname(db)
            .user(user)
            .application_name("retailscope-system-tests");
        config
    }

    /// A connection of the superuser.
    pub fn connect(&self, db: &str) -> Client {
        self.connect_as(db, "postgres")
    }

    /// A connection of a role that may log in.
    pub fn connect_as(&self, db: &str, user: &str) -> Client {
        let crashes = self.crashes();
        assert!(crashes.is_empty(), "the server has crashed: {crashes:#?}");
        self.config(db, user)
            .connect(NoTls)
            .unwrap_or_else(|e| panic!("connect to {db} as {user}: {e}\n{}", self.log()))
    }

    /// A new database without the extension.
    pub fn create_database(&self, db: &str) -> Client {
        self.connect("postgres")
            .batch_execute(&format!("CREATE DATABASE {}", quoted(db)))
            .unwrap_or_else(|e| panic!("create database {db}: {e}"));
        self.connect(db)
    }

    /// A new database with the extension in it.
    pub fn fresh(&self, db: &str) -> Client {
        let mut client = self.create_database(db);
        client
            .batch_execute("CREATE EXTENSION retailscope")
            .unwrap_or_else(|e| panic!("create extension: {e}: {:?}", e.as_db_error()));
        client
    }

    /// Stops the server (`smart`, `fast`, `immediate`); the folder stays.
    pub fn stop(&self, mode: &str) {
        self.pg_ctl(&["-m", mode, "stop"]);
    }

    /// Starts it again after [`Cluster::stop`] or a crash.
    pub fn start_again(&self) {
        self.pg_ctl(&["start"]);
    }

    /// Stop and start.
    pub fn restart(&self, mode: &str) {
        self.pg_ctl(&["-m", mode, "restart"]);
    }

    fn pg_ctl(&self, args: &[&str]) {
        let mut command = self.command("pg_ctl");
        command
            .arg("-D")
            .arg(self.data_dir())
            .arg("-l")
            .arg(self.dir.join("log"))
            .args(["-w", "-s", "-t", "120"])
            .args(args);
        let output = command.output().expect("pg_ctl runs");
        assert!(
            output.status.success(),
            "{command:?}\n{}\n{}",
            String::from_utf8_lossy(&output.stderr),
            self.log()
        );
    }

    /// A program of the server (a name) or of the system (a path), with the server's user and connected to this cluster.
    pub fn command(&self, program: &str) -> Command {
        let path = if program.contains('/') {
            PathBuf::from(program)
        } else {
            self.bindir.join(program)
        };
        let mut command = server::command(self.owner, path);
        command
            .env("PGHOST", &self.dir)
            .env("PGPORT", "5432")
            .env("PGUSER", "postgres")
            .env("PGCLIENTENCODING", "UTF8");
        command
    }

    /// Runs a program of the server, such as pg_dump or psql, whatever its exit code.
    pub fn run(&self, program: &str, args: &[&str]) -> Output {
        self.command(program)
            .args(args)
            .output()
            .unwrap_or_else(|e| panic!("{program}: {e}"))
    }

    /// As [`Cluster::run`], but panics unless it succeeds; gives what it printed.
    pub fn must_run(&self, program: &str, args: &[&str]) -> String {
        let output = server::must(self.command(program).args(args));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A folder that the server can write, below `files`; made with those on the way; `files` itself for an empty name.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.dir.join("files").join(name);
        let mut missing = Vec::new();
        for folder in path.ancestors().take_while(|a| !a.exists()) {
            missing.push(folder.to_path_buf());
        }
        for folder in missing.iter().rev() {
            std::fs::create_dir(folder)
                .unwrap_or_else(|e| panic!("create {}: {e}", folder.display()));
            server::give(self.owner, folder);
        }
        path
    }

    /// A file below `files` that the server can read.
    pub fn write_file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.join("files").join(name);
        if let Some(parent) = Path::new(name).parent().and_then(Path::to_str) {
            self.folder(parent);
        }
        std::fs::write(&path, bytes).unwrap_or_else(|e| panic!("write {}: {e}", path.display()));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("chmod");
        server::give(self.owner, &path);
        path
    }

    /// A path under which the server can read the file: the file itself, or a copy below `files`.
    pub fn stage(&self, path: &Path) -> PathBuf {
        let readable = server::command(self.owner, "test")
            .arg("-r")
            .arg(path)
            .status();
        if readable.is_ok_and(|s| s.success()) {
            return path.to_path_buf();
        }
        let name = path.file_name().expect("a file's path");
        let copy = self.dir.join("files").join(name);
        std::fs::copy(path, &copy).unwrap_or_else(|e| panic!("copy {}: {e}", path.display()));
        server::give(self.owner, &copy);
        copy
    }

    /// Makes a file or folder the server's own, such as one that a test has written by other means.
    pub fn give(&self, path: &Path) {
        server::give(self.owner, path);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let crashes = self.crashes();
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
        // A second panic would end the test process and hide the first.
        if !std::thread::panicking() {
            assert!(crashes.is_empty(), "the server has crashed: {crashes:#?}");
        }
    }
}

/// A process that waits for the end of its input, which is the end of the [`Cluster`] or of the test process, however it
/// comes, and then stops the server and removes the folder. Statics are never dropped, and a killed test drops nothing. It
/// runs as we do: the folder may hold files that are not the server's.
fn watchdog(owner: Owner, bindir: &Path, dir: &Path) -> Child {
    let script = r#"while read -r _; do :; done
bindir="$1" dir="$2"
shift 2
if [ -f "$dir/data/postmaster.pid" ]; then "$@" "$bindir/pg_ctl" -D "$dir/data" -m immediate -w -s stop; fi
rm -rf "$dir""#;
    let as_server = owner.map(|(user, group)| {
        [
            "setpriv".to_owned(),
            format!("--reuid={user}"),
            format!("--regid={group}"),
            "--clear-groups".to_owned(),
        ]
    });
    server::command(None, "sh")
        .args(["-c", script, "sh"])
        .arg(bindir)
        .arg(dir)
        .args(as_server.into_iter().flatten())
        // Ctrl-C is for the tests; this one cleans up after them.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh runs")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
