//! What is to be done with a wallet: as a request asks for it, and as the books have it.

use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Deposit,
    Withdrawal,
    Transfer,
    Hold,
    /// Money is held until a bank has paid it.
    Payout,
    /// Held money is taken, and the rest may be spent again.
    Capture,
    /// All held money may be spent again.
    Void,
    /// A deposit's moment has come. No client asks for it.
    Release,
    /// A hold's moment has come. No client asks for it.
    Expiry,
    /// The bank has paid. No client asks for it, nor for the next two.
    PayoutSettled,
    /// The bank does not pay, and the money may be spent again.
    PayoutReturned,
    /// The bank sends back what it had paid.
    PayoutReversal,
    Enable,
    Disable,
}

impl Kind {
    pub fn is_money(self) -> bool {
        !matches!(self, Kind::Enable | Kind::Disable)
    }

    /// Whether a service asks for it, for any wallet.
    pub fn is_of_service(self) -> bool {
        matches!(self, Kind::Hold | Kind::Capture | Kind::Void)
    }

    /// Whether it is booked because its moment has come.
    pub fn is_due(self) -> bool {
        matches!(self, Kind::Release | Kind::Expiry)
    }

    /// Whether a worker asks for it, and no client.
    pub fn is_of_a_worker(self) -> bool {
        self.is_due() || matches!(self, Kind::PayoutSettled | Kind::PayoutReturned | Kind::PayoutReversal)
    }

    /// Whether what has become due in the wallet is booked first.
    pub fn settles_due(self) -> bool {
        matches!(
            self,
            Kind::Withdrawal | Kind::Transfer | Kind::Hold | Kind::Payout | Kind::Capture | Kind::Void
        )
    }

    /// Whether it has a reference, which books once.
    pub fn has_a_reference(self) -> bool {
        self.is_money() && !self.is_of_a_worker() && self != Kind::Void
    }

    /// The word in answers; also in paths, where it is what a customer asks for.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Deposit => "deposit",
            Kind::Withdrawal => "withdrawal",
            Kind::Transfer => "transfer",
            Kind::Hold => "hold",
            Kind::Payout => "payout",
            Kind::Capture => "capture",
            Kind::Void => "void",
            Kind::Release
            | Kind::Expiry
            | Kind::PayoutSettled
            | Kind::PayoutReturned
            | Kind::PayoutReversal => panic!("no client asks for it"),
            Kind::Enable | Kind::Disable => "wallet",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Operation {
    pub kind: Kind,
    pub wallet: Uuid,
    /// Minor units. None: a status, a void, or a capture of as much as the hold covers.
    pub amount: Option<i64>,
    pub reference: Option<Uuid>,
    /// The wallet that gets the money; an id that is no wallet's stands for itself.
    pub to: Option<Uuid>,
    /// The transaction whose waiting money it ends: the hold, the deposit or the payout; also the payout that comes back.
    pub ends: Option<Uuid>,
    /// When a deposit's money may be spent, or a hold expires. Microseconds since 1970.
    pub until: Option<i64>,
}
