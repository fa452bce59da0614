//! A Redis of a kind that `scripts/stack` does not start.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::{certificates::Certificates, directory::Directory, wait::until};

/// Killed when dropped.
pub struct OddRedis {
    child: Child,
    pub url: String,
    _dir: Directory,
}

impl OddRedis {
    fn begin(url: String, arguments: &[&str]) -> Self {
        let dir = Directory::new();
        let child = Command::new("redis-server")
            .args(arguments)
            .args(["--bind", "127.0.0.1", "--save", ""])
            .current_dir(dir.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server");
        Self { child, url, _dir: dir }
    }

    fn on(port: u16, arguments: &[&str]) -> Self {
        let port = port.to_string();
        Self::begin(format!("redis://127.0.0.1:{port}"), &[arguments, &["--port", &port]].concat())
    }

    pub fn cluster(port: u16) -> Self {
        Self::on(port, &["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"])
    }

    pub fn sentinel(port: u16) -> Self {
        let file = std::env::temp_dir().join(format!("wallet-sentinel-{port}.conf"));
        std::fs::write(&file, "").expect("a file");
        Self::on(port, &[file.to_str().expect("a path"), "--sentinel"])
    }

    /// One that accepts only TLS, with a password.
    pub fn with_tls(port: u16, certificates: &Certificates, password: &str) -> Self {
        let [certificate, key, ca] = [&certificates.certificate, &certificates.key, &certificates.ca]
            .map(|file| file.to_str().expect("a path"));
        Self::begin(
            format!("rediss://:{password}@127.0.0.1:{port}"),
            &[
                &["--port", "0", "--tls-port", &port.to_string(), "--tls-auth-clients", "no"][..],
                &["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", ca],
                &["--requirepass", password],
            ]
            .concat(),
        )
    }

    /// Waits until its port is open.
    pub async fn once_up(self) -> Self {
        let (_, address) = self.url.rsplit_once(['/', '@']).expect("an address");
        until("the odd Redis listens", Duration::from_secs(30), async || {
            tokio::net::TcpStream::connect(address).await.ok()
        })
        .await;
        self
    }
}

impl Drop for OddRedis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
