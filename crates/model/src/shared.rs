//! An ordered map whose copies share what they have in common.
//!
//! A copy costs nothing, whatever the size. A change of one copy rewrites the nodes on the way to the key, a few hundred
//! bytes in each of them, and only those that another copy still holds. So readers keep the state of their moment
//! while the writer goes on, and a change costs the same in a large map as in a small one but for the depth of the tree,
//! which grows with the logarithm of the size.
//!
//! It is a B+ tree of reference-counted nodes. Nodes split when they are full and go when they are empty; half-empty
//! ones are not joined, so the depth is that of the largest size that the map ever had.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Index;
use std::slice;
use std::sync::Arc;

/// Entries of a node at most. Small nodes are copied faster, large ones are fewer on the way: from 16 to 64 there was no
/// difference to measure.
const NODE_ENTRIES_MAX: usize = 32;

/// An ordered map whose copies share what they have in common. See the module.
pub struct SharedMap<K, V> {
    root: Arc<Node<K, V>>,
    len: usize,
}

/// A set of the same kind: its copies share what they have in common.
pub type SharedSet<K> = SharedMap<K, ()>;

#[derive(Clone)]
enum Node<K, V> {
    Leaf(Vec<(K, V)>),
    /// Children, each with a key that is not above its own keys and above all keys of the children before it. The first
    /// child's key is not looked at.
    Branch(Vec<Child<K, V>>),
}

/// A node and the key that leads to it.
type Child<K, V> = (K, Arc<Node<K, V>>);

impl<K, V> SharedMap<K, V> {
    /// A map without entries; it allocates nothing.
    #[must_use]
    pub fn new() -> Self {
        Self { root: Arc::new(Node::Leaf(Vec::new())), len: 0 }
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether both are copies of one state: nothing was changed in either since. False says nothing.
    #[must_use]
    pub fn is_copy_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.root, &other.root)
    }

    /// All entries in the order of their keys.
    pub fn iter(&self) -> Iter<'_, K, V> {
        let mut iter = Iter { leaf: [].iter(), above: Vec::new() };
        iter.descend(&self.root);
        iter
    }

    /// All keys in their order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// All values in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The entry with the highest key.
    #[must_use]
    pub fn last(&self) -> Option<(&K, &V)> {
        let mut node = &self.root;
        loop {
            match &**node {
                Node::Leaf(entries) => return entries.last().map(|(key, value)| (key, value)),
                Node::Branch(children) => node = &children.last()?.1,
            }
        }
    }
}

impl<K: Ord, V> SharedMap<K, V> {
    /// The value under a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let mut node = &self.root;
        loop {
            match &**node {
                Node::Leaf(entries) => return Some(&entries[position(entries, key).ok()?].1),
                Node::Branch(children) => node = &children[child(children, key)].1,
            }
        }
    }

    /// Whether there is a value under a key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// The entries whose keys are not below this one, in the order of their keys.
    pub fn range_from<Q: Ord + ?Sized>(&self, key: &Q) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let mut iter = Iter { leaf: [].iter(), above: Vec::new() };
        let mut node = &self.root;
        loop {
            match &**node {
                Node::Leaf(entries) => {
                    iter.leaf = entries[position(entries, key).unwrap_or_else(|place| place)..].iter();
                    return iter;
                }
                Node::Branch(children) => {
                    let place = child(children, key);
                    iter.above.push(children[place + 1..].iter());
                    node = &children[place].1;
                }
            }
        }
    }
}

impl<K: Ord + Clone, V: Clone> SharedMap<K, V> {
    /// Puts a value under a key and returns the one that was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let (old, split) = insert(&mut self.root, key, value);
        if let Some((key, right)) = split {
            let left = Arc::clone(&self.root);
            self.root = Arc::new(Node::Branch(vec![(key.clone(), left), (key, right)]));
        }
        self.len += usize::from(old.is_none());
        old
    }

    /// Takes the value under a key away and returns it.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        // Looking first leaves the nodes of other copies alone when there is nothing to take.
        self.get(key)?;
        let removed = remove(&mut self.root, key);
        self.len -= usize::from(removed.is_some());
        while let Node::Branch(children) = &*self.root
            && let [(_, only)] = &children[..]
        {
            self.root = Arc::clone(only);
        }
        if self.len == 0 {
            *self = Self::new();
        }
        removed
    }

    /// The value under a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.get(key)?;
        let mut node = &mut self.root;
        loop {
            match Arc::make_mut(node) {
                Node::Leaf(entries) => {
                    let place = position(entries, key).ok()?;
                    return Some(&mut entries[place].1);
                }
                Node::Branch(children) => {
                    let place = child(children, key);
                    node = &mut children[place].1;
                }
            }
        }
    }
}

impl<K: Ord + Clone> SharedSet<K> {
    /// Whether a key is in it.
    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.contains_key(key)
    }

    /// Adds a key; true if it is new.
    pub fn add(&mut self, key: K) -> bool {
        self.insert(key, ()).is_none()
    }
}

fn position<K: Ord + Borrow<Q>, V, Q: Ord + ?Sized>(entries: &[(K, V)], key: &Q) -> Result<usize, usize> {
    entries.binary_search_by(|(other, _)| other.borrow().cmp(key))
}

/// The child that holds a key, if any does.
fn child<K: Ord + Borrow<Q>, V, Q: Ord + ?Sized>(children: &[Child<K, V>], key: &Q) -> usize {
    children.get(1..).map_or(0, |others| others.partition_point(|(lowest, _)| lowest.borrow() <= key))
}

fn insert<K: Ord + Clone, V: Clone>(
    node: &mut Arc<Node<K, V>>,
    key: K,
    value: V,
) -> (Option<V>, Option<Child<K, V>>) {
    match Arc::make_mut(node) {
        Node::Leaf(entries) => match position(entries, &key) {
            Ok(place) => (Some(std::mem::replace(&mut entries[place].1, value)), None),
            Err(place) => {
                entries.insert(place, (key, value));
                (None, split(entries).map(|right| (right[0].0.clone(), Arc::new(Node::Leaf(right)))))
            }
        },
        Node::Branch(children) => {
            let place = child(children, &key);
            let (old, new) = insert(&mut children[place].1, key, value);
            if let Some(new) = new {
                children.insert(place + 1, new);
            }
            (old, split(children).map(|right| (right[0].0.clone(), Arc::new(Node::Branch(right)))))
        }
    }
}

/// The upper half of what is too long.
fn split<T>(entries: &mut Vec<T>) -> Option<Vec<T>> {
    (NODE_ENTRIES_MAX < entries.len()).then(|| entries.split_off(NODE_ENTRIES_MAX / 2))
}

fn remove<K: Ord + Clone + Borrow<Q>, V: Clone, Q: Ord + ?Sized>(
    node: &mut Arc<Node<K, V>>,
    key: &Q,
) -> Option<V> {
    match Arc::make_mut(node) {
        Node::Leaf(entries) => position(entries, key).ok().map(|place| entries.remove(place).1),
        Node::Branch(children) => {
            let place = child(children, key);
            let removed = remove(&mut children[place].1, key);
            if children[place].1.is_empty() {
                children.remove(place);
            }
            removed
        }
    }
}

impl<K, V> Node<K, V> {
    fn is_empty(&self) -> bool {
        match self {
            Self::Leaf(entries) => entries.is_empty(),
            Self::Branch(children) => children.is_empty(),
        }
    }
}

/// The entries of a [`SharedMap`] in the order of their keys.
pub struct Iter<'a, K, V> {
    leaf: slice::Iter<'a, (K, V)>,
    /// What is left of the branches above the leaf, the root's first.
    above: Vec<slice::Iter<'a, Child<K, V>>>,
}

impl<'a, K, V> Iter<'a, K, V> {
    fn descend(&mut self, mut node: &'a Node<K, V>) {
        loop {
            match node {
                Node::Leaf(entries) => {
                    self.leaf = entries.iter();
                    return;
                }
                Node::Branch(children) => {
                    let mut left = children.iter();
                    let Some((_, first)) = left.next() else { return };
                    self.above.push(left);
                    node = first;
                }
            }
        }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.leaf.next() {
                return Some((key, value));
            }
            match self.above.last_mut()?.next() {
                Some((_, next)) => self.descend(next),
                None => drop(self.above.pop()),
            }
        }
    }
}

impl<K, V> Clone for SharedMap<K, V> {
    fn clone(&self) -> Self {
        Self { root: Arc::clone(&self.root), len: self.len }
    }
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for SharedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.root, &other.root) || self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for SharedMap<K, V> {}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SharedMap<K, V> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Ord + Clone, V: Clone> Extend<(K, V)> for SharedMap<K, V> {
    fn extend<T: IntoIterator<Item = (K, V)>>(&mut self, entries: T) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for SharedMap<K, V> {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

impl<K: Ord + Clone, V: Clone, const N: usize> From<[(K, V); N]> for SharedMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K: Ord + Borrow<Q>, V, Q: Ord + ?Sized> Index<&Q> for SharedMap<K, V> {
    type Output = V;

    /// # Panics
    /// When there is nothing under the key.
    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("there is a value under the key")
    }
}

#[cfg(test)]
mod tests;
