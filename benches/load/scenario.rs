//! What is measured: a list, so that a new operation is a new line.

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub operation: Operation,
    pub spread: Spread,
    pub connections: usize,
    pub pace: Pace,
    /// Part of a quick run too.
    pub quick: bool,
}

/// What every request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `POST /wallet/deposits`, each with a reference of its own.
    Deposit,
    /// `GET /wallet`, from the cache.
    Read,
    /// `GET /health/live`: what the HTTP server does with nothing behind it.
    Hello,
}

impl Operation {
    pub fn word(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::Read => "read",
            Self::Hello => "hello",
        }
    }

    /// The status of the answer when it was done.
    pub fn expected_status(self) -> u16 {
        match self {
            Self::Deposit => 201,
            Self::Read | Self::Hello => 200,
        }
    }

    /// Whether it changes the books, so that topic and cache have something to catch up with.
    pub fn writes(self) -> bool {
        matches!(self, Self::Deposit)
    }
}

/// Which wallets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// All, equally often.
    Even,
    /// The n-th most popular one with a share of 1/n.
    Zipf,
    /// Always the same one.
    Hot,
}

impl Spread {
    pub fn word(self) -> &'static str {
        match self {
            Self::Even => "even",
            Self::Zipf => "zipf",
            Self::Hot => "hot",
        }
    }
}

/// When a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As soon as the connection's last one is answered: the peak rate (closed loop).
    Peak,
    /// At this share, in per cent, of the best peak that the run has measured for the operation and spread, whether or
    /// not answers come (open loop): the latency that clients see who do not wait for each other.
    ShareOfPeak(u32),
}

const fn peak(
    name: &'static str,
    operation: Operation,
    spread: Spread,
    connections: usize,
    quick: bool,
) -> Scenario {
    Scenario { name, operation, spread, connections, pace: Pace::Peak, quick }
}

/// In this order, on a database that was migrated for the run. The first shows what the first second is worth.
pub const SCENARIOS: [Scenario; 12] = [
    peak("deposits-64", Operation::Deposit, Spread::Even, 64, true),
    peak("deposits-16", Operation::Deposit, Spread::Even, 16, true),
    peak("deposits-256", Operation::Deposit, Spread::Even, 256, true),
    peak("deposits-hot-16", Operation::Deposit, Spread::Hot, 16, false),
    peak("deposits-hot-64", Operation::Deposit, Spread::Hot, 64, true),
    peak("deposits-hot-256", Operation::Deposit, Spread::Hot, 256, true),
    peak("deposits-zipf-64", Operation::Deposit, Spread::Zipf, 64, false),
    Scenario {
        name: "deposits-half",
        operation: Operation::Deposit,
        spread: Spread::Even,
        connections: 256,
        pace: Pace::ShareOfPeak(50),
        quick: true,
    },
    peak("reads-64", Operation::Read, Spread::Even, 64, true),
    peak("reads-256", Operation::Read, Spread::Even, 256, false),
    Scenario {
        name: "reads-half",
        operation: Operation::Read,
        spread: Spread::Even,
        connections: 64,
        pace: Pace::ShareOfPeak(50),
        quick: false,
    },
    peak("hello-64", Operation::Hello, Spread::Even, 64, true),
];
