//! A PgBouncer of a test's own, before the tests' Postgres.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::{directory::Directory, process::free_port, wait::until};

/// Killed when dropped.
pub struct PgBouncer {
    child: Child,
    /// The database's URL, through it.
    pub url: String,
    _directory: Directory,
}

impl PgBouncer {
    /// Before the server of this URL, with more lines of its configuration: of the database, and of itself.
    pub async fn before(url: &str, of_database: &str, more: &str) -> Self {
        let directory = Directory::new();
        let (login, place) =
            url.split_once("://").and_then(|(_, rest)| rest.split_once('@')).expect("a login");
        let (user, password) = login.split_once(':').expect("a password");
        let (server, database) = place.split_once('/').expect("a database");
        let (host, server_port) = server.rsplit_once(':').expect("a port");
        let users = directory.write("users", &format!("\"{user}\" \"{password}\"\n"));
        let port = free_port();
        let text = format!(
            "[databases]\n* = host={host} port={server_port} {of_database}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = plain\nauth_file = {}\n{more}\n",
            users.display()
        );
        let file = directory.write("pgbouncer.ini", &text);
        let program = ["/usr/sbin/pgbouncer", "pgbouncer"].into_iter().find(|file| Path::new(file).exists());
        let mut command = Command::new(program.unwrap_or("pgbouncer"));
        // It does not run as root.
        if std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
            command.args(["-u", "nobody"]);
        }
        let spawned = command.arg(file).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = spawned.expect("pgbouncer is needed: apt-get install pgbouncer");
        until("PgBouncer listens", Duration::from_secs(30), async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        let url = format!("postgres://{login}@127.0.0.1:{port}/{database}");
        Self { child, url, _directory: directory }
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
