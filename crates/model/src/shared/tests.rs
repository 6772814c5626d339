use std::collections::BTreeMap;

use super::*;

/// Numbers that look random and are the same in every run.
fn numbers() -> impl FnMut(u64) -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

fn same(map: &SharedMap<u64, u64>, expected: &BTreeMap<u64, u64>) {
    assert_eq!(map.len(), expected.len());
    assert_eq!(map.is_empty(), expected.is_empty());
    assert!(map.iter().eq(expected.iter()));
    assert_eq!(map.last(), expected.last_key_value());
}

#[test]
fn it_does_what_an_ordinary_map_does_and_copies_stay_as_they_were() {
    let mut random = numbers();
    for size in [3, 40, 3000] {
        let (mut map, mut expected) = (SharedMap::new(), BTreeMap::new());
        let mut copies = Vec::new();
        for step in 0..12_000 {
            let (key, value) = (random(size), random(100));
            // It grows first and shrinks later.
            match random(10) {
                0..=5 if step < 6000 => assert_eq!(map.insert(key, value), expected.insert(key, value)),
                0..=2 => assert_eq!(map.insert(key, value), expected.insert(key, value)),
                3..=8 => assert_eq!(map.remove(&key), expected.remove(&key)),
                _ => {
                    let change = |found| std::mem::replace(found, value);
                    assert_eq!(map.get_mut(&key).map(change), expected.get_mut(&key).map(change));
                }
            }
            let asked = random(size + 2);
            assert_eq!(map.get(&asked), expected.get(&asked));
            assert_eq!(map.contains_key(&asked), expected.contains_key(&asked));
            assert!(map.range_from(&asked).take(40).eq(expected.range(asked..).take(40)));
            if step % 500 == 0 {
                copies.push((map.clone(), expected.clone()));
                same(&map, &expected);
            }
        }
        copies.iter().for_each(|(map, expected)| same(map, expected));
        for key in expected.keys() {
            assert!(map.remove(key).is_some());
        }
        same(&map, &BTreeMap::new());
    }
}

#[test]
fn a_change_copies_only_the_way_to_its_key() {
    fn nodes<'a>(node: &'a Arc<Node<u32, u32>>, into: &mut Vec<&'a Arc<Node<u32, u32>>>) {
        into.push(node);
        if let Node::Branch(children) = &**node {
            children.iter().for_each(|(_, child)| nodes(child, into));
        }
    }
    let before: SharedMap<u32, u32> = (0..200_000).map(|number| (number, number)).collect();
    let changes: [fn(&mut SharedMap<u32, u32>); 5] = [
        |map| assert_eq!(map.insert(777, 0), Some(777)),
        |map| assert_eq!(map.insert(200_000, 0), None),
        |map| assert_eq!(map.remove(&777), Some(777)),
        |map| assert_eq!(map.remove(&300_000), None),
        |map| *map.get_mut(&777).expect("it is there") += 1,
    ];
    for change in changes {
        let mut after = before.clone();
        change(&mut after);
        let (mut old, mut new) = (Vec::new(), Vec::new());
        nodes(&before.root, &mut old);
        nodes(&after.root, &mut new);
        let kept: std::collections::HashSet<_> = old.into_iter().map(Arc::as_ptr).collect();
        let made = new.iter().filter(|node| !kept.contains(&Arc::as_ptr(node))).count();
        assert!(made <= 8, "{made} of {} nodes were copied", new.len());
    }
}

#[test]
fn maps_of_the_same_entries_are_equal_however_they_came_to_be() {
    let one: SharedMap<u32, u32> = (0..500).map(|number| (number, 1)).collect();
    let mut other: SharedMap<u32, u32> = (0..900).rev().map(|number| (number, 1)).collect();
    assert_ne!(one, other);
    for number in 500..900 {
        other.remove(&number);
    }
    assert_eq!(one, other);
    other.insert(3, 2);
    assert_ne!(one, other);
    assert_eq!((other[&3], format!("{:?}", SharedMap::from([(1, 2)]))), (2, "{1: 2}".into()));
}
