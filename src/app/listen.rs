//! Binds a port.

use std::{
    io,
    net::{TcpListener, ToSocketAddrs},
};

use anyhow::{Context, anyhow};
use socket2::{Domain, Protocol, Socket, Type};

/// Maximum number of connections that wait to be accepted.
const BACKLOG_MAX: i32 = 1024;

/// Binds the port. Small answers are sent at once (`TCP_NODELAY`, which accepted sockets inherit from the listener).
pub(super) fn listen(host: &str, port: u16) -> anyhow::Result<TcpListener> {
    let address = (host, port).to_socket_addrs().ok().and_then(|mut found| found.next());
    let address = address.ok_or_else(|| anyhow!("HOST={host} is no address of this machine"))?;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    match socket.bind(&address.into()).and_then(|()| socket.listen(BACKLOG_MAX)) {
        Ok(()) => Ok(socket.into()),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(anyhow!(
            "port {port} is taken by another program; choose a free one, such as PORT={}",
            port.checked_add(1).unwrap_or(8089)
        )),
        Err(error) => Err(error).with_context(|| format!("cannot listen on {address}")),
    }
}
