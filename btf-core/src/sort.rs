// SPDX-License-Identifier: MIT OR Apache-2.0

//! Sorting without memory and without a panic: `sort_unstable` of `core` has one for an order that is none.

/// Sorts `items` by `less`, a strict order, in n·log n steps (heapsort). Equal items may change places.
pub(crate) fn sort_by(items: &mut [u32], less: impl Fn(u32, u32) -> bool) {
    for root in (0..items.len() / 2).rev() {
        sift_down(items, root, &less);
    }
    for end in (1..items.len()).rev() {
        swap(items, 0, end);
        sift_down(items.get_mut(..end).unwrap_or_default(), 0, &less);
    }
}

/// Moves the item at `root` down to where no child of it is greater.
fn sift_down(items: &mut [u32], mut root: usize, less: &impl Fn(u32, u32) -> bool) {
    // A heap is no deeper than its length has bits.
    for _ in 0..usize::BITS {
        let left = root.saturating_mul(2).saturating_add(1);
        let right = left.saturating_add(1);
        let Some(&left_item) = items.get(left) else {
            return;
        };
        let (child, child_item) = match items.get(right) {
            Some(&right_item) if less(left_item, right_item) => (right, right_item),
            _ => (left, left_item),
        };
        match items.get(root) {
            Some(&item) if less(item, child_item) => swap(items, root, child),
            _ => return,
        }
        root = child;
    }
}

fn swap(items: &mut [u32], one: usize, other: usize) {
    if let (Some(&first), Some(&second)) = (items.get(one), items.get(other)) {
        for (place, item) in [(one, second), (other, first)] {
            if let Some(place) = items.get_mut(place) {
                *place = item;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sort_by;

    /// Some thousand numbers with repetitions, in no order (xorshift).
    fn numbers() -> [u32; 4099] {
        let mut state = 0x9e37_79b9_u32;
        [(); 4099].map(|()| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state >> 21
        })
    }

    #[test]
    fn sorts_as_the_standard_library_does() {
        let all = numbers();
        for len in (0..70).chain([4099]) {
            let mut sorted = all;
            let mut expected = all;
            let (sorted, expected) = (sorted.get_mut(..len), expected.get_mut(..len));
            assert!(sorted.is_some());
            let (sorted, expected) = (sorted.unwrap_or_default(), expected.unwrap_or_default());
            sort_by(sorted, |one, other| one < other);
            expected.sort_unstable();
            assert_eq!(sorted, expected);
        }
    }

    #[test]
    fn an_order_that_is_none_ends() {
        sort_by(&mut numbers(), |_, _| true);
        sort_by(&mut numbers(), |_, _| false);
    }
}
