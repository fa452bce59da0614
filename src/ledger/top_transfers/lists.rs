//! The largest transfers of a wallet, in and out. They follow from its entries alone, one after another, so that they can
//! be kept for a stretch of them and go on from there.

/// The number of transfers that are stored each way: no list is longer.
pub const KEPT: usize = 100;
/// The number of a wallet's entries that are folded together: when a block is full, the wallet's row is written once.
pub const BLOCK: i64 = 256;

/// Money that came in or went out, and the number of its entry in the wallet. The larger is the greater, and of equals the
/// newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Movement {
    /// Minor units, positive, without a fee.
    pub amount: i64,
    pub version: i64,
}

/// The largest movements of a wallet's entries 1 to some version, each way at most [`KEPT`], the greatest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopTransfers {
    pub incoming: Vec<Movement>,
    pub outgoing: Vec<Movement>,
}

impl TopTransfers {
    /// Goes on with the entries `after + 1`, `after + 2` …: what each brought in, or as a negative number what it sent out,
    /// without the fee; 0 where nothing moved.
    pub fn fold(&mut self, after: i64, moved: &[i64]) {
        for (version, moved) in (after + 1..).zip(moved) {
            let movement = Movement { amount: moved.saturating_abs(), version };
            match moved {
                1.. => keep(&mut self.incoming, movement),
                0 => {}
                ..0 => keep(&mut self.outgoing, movement),
            }
        }
    }
}

fn keep(kept: &mut Vec<Movement>, movement: Movement) {
    let place = kept.partition_point(|greater| *greater > movement);
    if place < KEPT {
        kept.truncate(KEPT - 1);
        kept.insert(place, movement);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(moved: &[i64]) -> TopTransfers {
        let mut top = TopTransfers::default();
        top.fold(0, moved);
        top
    }

    /// The same by sorting everything.
    fn sorted(moved: &[i64], sign: i64) -> Vec<Movement> {
        let all = (1..).zip(moved).map(|(version, moved)| Movement { amount: moved * sign, version });
        let mut all: Vec<_> = all.filter(|movement| movement.amount > 0).collect();
        all.sort_by_key(|movement| std::cmp::Reverse((movement.amount, movement.version)));
        all.truncate(KEPT);
        all
    }

    #[test]
    fn the_largest_come_first_and_of_equals_the_newest() {
        let top = of(&[5, -3, 9, 0, 5, -3, -4, 1]);
        let pairs = |all: &[Movement]| all.iter().map(|m| (m.amount, m.version)).collect::<Vec<_>>();
        assert_eq!(pairs(&top.incoming), [(9, 3), (5, 5), (5, 1), (1, 8)]);
        assert_eq!(pairs(&top.outgoing), [(4, 7), (3, 6), (3, 2)]);
    }

    #[test]
    fn of_more_equals_than_are_kept_the_oldest_go() {
        let versions: Vec<i64> = of(&[7; 130]).incoming.iter().map(|m| m.version).collect();
        assert_eq!(versions, (31..=130).rev().collect::<Vec<_>>());
    }

    proptest! {
        /// However a history is cut into pieces, folding them one after another is sorting the whole.
        #[test]
        fn folding_piece_by_piece_is_sorting_the_whole(
            moved in prop::collection::vec(prop_oneof![-9..9_i64, any::<i32>().prop_map(i64::from)], 0..700),
            step in 1..300_usize,
        ) {
            let mut top = TopTransfers::default();
            let mut after = 0;
            for piece in moved.chunks(step) {
                top.fold(after, piece);
                after += i64::try_from(piece.len()).unwrap();
            }
            prop_assert_eq!(&top.incoming, &sorted(&moved, 1));
            prop_assert_eq!(&top.outgoing, &sorted(&moved, -1));
        }
    }
}
