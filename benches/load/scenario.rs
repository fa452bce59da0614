//! The scenarios that are measured.

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub operation: Operation,
    pub distribution: Distribution,
    pub connections: usize,
    pub pace: Pace,
    /// The length, as a multiple of the others'.
    pub times: u64,
    /// What becomes due a second after its beginning.
    pub due: Due,
    /// Payouts that are requested beside it.
    pub payouts: Option<Payouts>,
    /// Part of a quick run too.
    pub quick: bool,
}

/// Payouts beside a load, at a fixed rate, against a bank that takes a fifth of a second for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payouts {
    /// The name of their own row.
    pub name: &'static str,
    /// Requests a second.
    pub rate: u32,
}

/// The operation that every request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `POST /wallet/transfers` to a wallet by its id, each with a reference and an `Idempotency-Key` of its own.
    Transfer,
    /// `POST /wallet/deposits`, each with a reference of its own.
    Deposit,
    /// `POST /wallet/payouts`, each with a reference of its own.
    Payout,
    /// `GET /wallet`, from the cache.
    Read,
    /// `GET /health/live`: the HTTP server alone.
    Hello,
}

impl Operation {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Deposit => "deposit",
            Self::Payout => "payout",
            Self::Read => "read",
            Self::Hello => "hello",
        }
    }

    /// The status of a successful answer.
    pub fn expected_status(self) -> u16 {
        match self {
            Self::Transfer | Self::Deposit => 201,
            Self::Payout => 202,
            Self::Read | Self::Hello => 200,
        }
    }

    /// Whether it changes the books, so that topic and cache have to catch up.
    pub fn writes(self) -> bool {
        matches!(self, Self::Transfer | Self::Deposit | Self::Payout)
    }
}

/// How requests are distributed over the wallets. A transfer has a sender and a receiver; other operations use the receiver's
/// distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// All, equally often.
    Even,
    /// The n-th most popular one with a share of 1/n, on both sides.
    Zipf,
    /// The receiver is always the same, the senders are all others.
    HotReceiver,
    /// The sender is always the same, the receivers are all others.
    HotSender,
}

impl Distribution {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Even => "even",
            Self::Zipf => "zipf",
            Self::HotReceiver => "hot receiver",
            Self::HotSender => "hot sender",
        }
    }
}

/// The [`RELEASES`] releases that become due at one moment, on wallets that the load does not use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Nothing,
    /// On half of all wallets, and long after the measurement: what the other two are compared with.
    Later,
    /// On half of all wallets.
    ManyWallets,
    /// All on one wallet; the load does not use its half.
    OneWallet,
}

/// How many releases become due at one moment.
pub const RELEASES: usize = 10_000;

/// When a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As soon as the connection's last one is answered: the peak rate (closed loop).
    Peak,
    /// At this share, in per cent, of the best peak that the run has measured for the operation and distribution, without
    /// waiting for answers (open loop): the latency of clients that do not wait for each other.
    ShareOfPeak(u32),
}

const fn peak(
    name: &'static str,
    operation: Operation,
    distribution: Distribution,
    connections: usize,
) -> Scenario {
    Scenario {
        name,
        operation,
        distribution,
        connections,
        pace: Pace::Peak,
        times: 1,
        due: Due::Nothing,
        payouts: None,
        quick: false,
    }
}

/// Half of the best peak so far, at a fixed rate.
const fn half(name: &'static str, operation: Operation, connections: usize) -> Scenario {
    let pace = Pace::ShareOfPeak(50);
    Scenario { pace, ..peak(name, operation, Distribution::Even, connections) }
}

/// Part of a quick run too.
const fn quick(scenario: Scenario) -> Scenario {
    Scenario { quick: true, ..scenario }
}

/// In this order, on a database that was migrated for the run. The first includes the warm-up.
pub const SCENARIOS: [Scenario; 22] = [
    quick(peak("transfers-64", Operation::Transfer, Distribution::Even, 64)),
    quick(peak("transfers-256", Operation::Transfer, Distribution::Even, 256)),
    peak("transfers-16", Operation::Transfer, Distribution::Even, 16),
    peak("transfers-zipf-64", Operation::Transfer, Distribution::Zipf, 64),
    peak("transfers-zipf-256", Operation::Transfer, Distribution::Zipf, 256),
    peak("hot-receiver-64", Operation::Transfer, Distribution::HotReceiver, 64),
    quick(peak("hot-receiver-256", Operation::Transfer, Distribution::HotReceiver, 256)),
    peak("hot-sender-64", Operation::Transfer, Distribution::HotSender, 64),
    quick(peak("hot-sender-256", Operation::Transfer, Distribution::HotSender, 256)),
    // How far topic and cache are behind after a minute at full rate.
    Scenario { times: 3, ..peak("transfers-minute", Operation::Transfer, Distribution::Even, 256) },
    // Beside releases that become due.
    Scenario { due: Due::Later, ..peak("due-later-256", Operation::Transfer, Distribution::Even, 256) },
    Scenario {
        due: Due::ManyWallets,
        ..peak("due-many-wallets-256", Operation::Transfer, Distribution::Even, 256)
    },
    Scenario {
        due: Due::OneWallet,
        ..peak("due-one-wallet-256", Operation::Transfer, Distribution::Even, 256)
    },
    quick(half("transfers-half", Operation::Transfer, 256)),
    // Beside payouts.
    Scenario {
        payouts: Some(Payouts { name: "payouts-200", rate: 200 }),
        ..half("transfers-half-beside-200-payouts", Operation::Transfer, 256)
    },
    Scenario {
        payouts: Some(Payouts { name: "payouts-500", rate: 500 }),
        ..half("transfers-half-beside-500-payouts", Operation::Transfer, 256)
    },
    peak("deposits-256", Operation::Deposit, Distribution::Even, 256),
    peak("deposits-hot-256", Operation::Deposit, Distribution::HotReceiver, 256),
    quick(peak("reads-64", Operation::Read, Distribution::Even, 64)),
    peak("reads-256", Operation::Read, Distribution::Even, 256),
    half("reads-half", Operation::Read, 64),
    quick(peak("hello-64", Operation::Hello, Distribution::Even, 64)),
];

/// On a database of its own that was filled with millions of entries before. Longer than the others: after a checkpoint the
/// first change of a page writes the whole page to the log, and there are many pages.
pub const FILLED_SCENARIOS: [Scenario; 2] = [
    Scenario { times: 3, ..peak("filled-64", Operation::Transfer, Distribution::Even, 64) },
    Scenario { times: 3, ..peak("filled-256", Operation::Transfer, Distribution::Even, 256) },
];
