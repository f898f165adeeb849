//! The transforms with AVX2.
//!
//! One of the few modules with `unsafe` code. It pays: with the transforms of the library, the
//! codes took twice the time, and that was a third of the time to encode a large blob.
//!
//! An element of the field is two bytes: its coordinates in a basis. The first eight elements of
//! the library's basis are a basis of the subfield of 256 elements; the other eight have no special
//! form. *Values* of polynomials are in that basis. *Coefficients* are in another one, in which an
//! element is `low + high w`, with both bytes in the subfield and a fixed element `w`. Most factors
//! of the transforms are in the subfield. They multiply both bytes in the same way, with four
//! lookups instead of eight, and the tables of all factors fit into the registers. The innermost
//! layers of the inverse transform change the basis of what they load; those of the forward
//! transform change the basis of what they store.

#![allow(unsafe_code)]

use std::{
    arch::x86_64::{
        __m128i, __m256i, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_set1_epi8,
        _mm256_shuffle_epi8, _mm256_srli_epi64, _mm256_xor_si256,
    },
    iter,
    mem::transmute,
};

use reed_solomon_simd::engine::{GF_MODULUS, GfElement, tables};

use crate::block::Block;

/// A linear map of elements, as tables: from low bytes to low bytes, from high bytes to low bytes,
/// from low bytes to high bytes, and from high bytes to high bytes. Each has one table for the low
/// nibble and one for the high nibble; the results of both are added.
type Map = [[u128; 2]; 4];

/// The element `w` in the library's basis: the first one outside the subfield.
const W: GfElement = 1 << 8;

/// Calls a function with these flags as constants.
macro_rules! with_constants {
    ($call:ident<$($constant:literal),*>() $arguments:tt) => {
        $call::<$($constant),*> $arguments
    };
    ($call:ident<$($constant:literal),*>($flag:expr $(, $flags:expr)*) $arguments:tt) => {
        if $flag {
            with_constants!($call<$($constant,)* true>($($flags),*) $arguments)
        } else {
            with_constants!($call<$($constant,)* false>($($flags),*) $arguments)
        }
    };
}

/// The transforms on a CPU with AVX2. There is a value of this type only where AVX2 was found.
pub(super) struct Avx2 {
    /// The multiplication by the twist factor of each position.
    twists: Vec<Map>,
    /// From the library's basis to the one over the subfield.
    enter: Map,
    /// From the basis over the subfield to the library's.
    leave: Map,
}

impl Avx2 {
    /// With the twist factors of this many positions, if this CPU has AVX2.
    pub(super) fn detect(positions: usize) -> Option<Self> {
        if !is_x86_feature_detected!("avx2") {
            return None;
        }
        let basis = Basis::new();
        let twist = |log: &u16| match *log {
            GF_MODULUS => [[0; 2]; 4], // the logarithm of zero
            log => basis.multiplication(log),
        };
        let twists = tables::get_skew()
            .iter()
            .take(positions)
            .map(twist)
            .collect();
        Some(Self {
            twists,
            enter: map(|element| basis.enter(element)),
            leave: map(Basis::leave),
        })
    }

    /// Values from `coefficients`, or else from those in `work`.
    pub(super) fn forward(
        &self,
        coefficients: Option<&[Block]>,
        work: &mut [Block],
        width: usize,
        start: usize,
        wanted: usize,
    ) {
        // SAFETY: a value of this type exists only where AVX2 was found.
        unsafe { self.forward_in(coefficients, work, width, start, wanted) }
    }

    pub(super) fn inverse(&self, work: &mut [Block], width: usize, start: usize, used: usize) {
        // SAFETY: a value of this type exists only where AVX2 was found.
        unsafe { self.inverse_in(work, width, start, used) }
    }

    #[allow(clippy::unused_self)] // proves that there is AVX2
    pub(super) fn add(&self, target: &mut [Block], source: &[Block]) {
        // SAFETY: a value of this type exists only where AVX2 was found.
        unsafe { add(target, source) }
    }

    #[target_feature(enable = "avx2")]
    fn forward_in(
        &self,
        coefficients: Option<&[Block]>,
        work: &mut [Block],
        width: usize,
        start: usize,
        wanted: usize,
    ) {
        let size = work.len() / width;
        if size < 4
            && let Some(coefficients) = coefficients
        {
            work.copy_from_slice(coefficients);
        }
        if size == 2 {
            let by = spread(&self.twists[start]);
            let leave = spread(&self.leave);
            let (a, b) = work.split_at_mut(width);
            for (a, b) in a.iter_mut().zip(b) {
                let (x, y) = (Elements::load(a), Elements::load(b));
                let x = x.plus(y.times::<false>(&by));
                x.change(&leave).store(a);
                y.plus(x).change(&leave).store(b);
            }
        }
        if size < 4 {
            return;
        }
        let distance = size / 4;
        let factors = Factors::new(&self.twists, start, distance);
        let (half, innermost) = (wanted <= 2 * distance, distance == 1);
        match coefficients {
            None => with_constants!(
                forward_layers<>(factors.first, factors.small, half, innermost)
                (work, iter::repeat_with(|| None), &factors, &self.leave)
            ),
            Some(others) => with_constants!(
                forward_layers<>(factors.first, factors.small, half, innermost)
                (work, quarters(others).map(Some), &factors, &self.leave)
            ),
        }
        for (i, quarter) in work.chunks_exact_mut(distance * width).enumerate() {
            let before = i * distance;
            if before < wanted {
                let wanted = (wanted - before).min(distance);
                self.forward_in(None, quarter, width, start + before, wanted);
            }
        }
    }

    #[target_feature(enable = "avx2")]
    fn inverse_in(&self, work: &mut [Block], width: usize, start: usize, used: usize) {
        let size = work.len() / width;
        if size < 2 {
            return;
        }
        // An odd layer is the outermost one.
        let parts = if size.ilog2() % 2 == 1 { 2 } else { 4 };
        let distance = size / parts;
        for (i, part) in work.chunks_exact_mut(distance * width).enumerate() {
            let before = i * distance;
            if before < used {
                let used = (used - before).min(distance);
                self.inverse_in(part, width, start + before, used);
            }
        }
        let innermost = distance == 1;
        if parts == 2 {
            let by = &self.twists[start + distance - 1];
            with_constants!(
                inverse_layer<>(is_small(by), innermost)(work, by, &self.enter)
            );
        } else {
            let factors = Factors::new(&self.twists, start, distance);
            with_constants!(
                inverse_layers<>(factors.first, factors.small, used <= 2 * distance, innermost)
                (work, &factors, &self.enter)
            );
        }
    }
}

/// The change between the library's basis and the one over the subfield.
struct Basis {
    /// For each high byte in the library's basis, with low byte 0: the same element's low byte and
    /// high byte in the basis over the subfield.
    of_high_bytes: [[GfElement; 2]; 256],
}

impl Basis {
    fn new() -> Self {
        let mut of_high_bytes = [[0; 2]; 256];
        for high in 0..=0xff {
            // These all have different high bytes: the sum of two with the same one would be in the
            // subfield.
            let multiple = times_w(high);
            of_high_bytes[usize::from(multiple >> 8)] = [multiple & 0xff, high];
        }
        Self { of_high_bytes }
    }

    /// From the library's basis to the one over the subfield.
    fn enter(&self, element: GfElement) -> GfElement {
        let [low, high] = self.of_high_bytes[usize::from(element >> 8)];
        (element & 0xff) ^ low ^ (high << 8)
    }

    /// From the basis over the subfield to the library's.
    fn leave(element: GfElement) -> GfElement {
        (element & 0xff) ^ times_w(element >> 8)
    }

    /// Multiplication by the element with this logarithm, in the basis over the subfield.
    fn multiplication(&self, log: GfElement) -> Map {
        map(|element| self.enter(product(Self::leave(element), log)))
    }
}

fn times_w(element: GfElement) -> GfElement {
    product(element, tables::get_exp_log().log[usize::from(W)])
}

/// The product with the element with this logarithm, in the library's basis.
fn product(element: GfElement, log: GfElement) -> GfElement {
    let tables = tables::get_exp_log();
    tables::mul(element, log, &tables.exp, &tables.log)
}

/// The tables of a linear map.
fn map(of: impl Fn(GfElement) -> GfElement) -> Map {
    let mut tables = [[[0; 16]; 2]; 4];
    for bit in 0..16 {
        let (byte, nibble, value) = (bit / 8, bit / 4 % 2, 1 << (bit % 4));
        let [low, high] = of(1 << bit).to_le_bytes();
        for rest in 0..value {
            tables[byte][nibble][value + rest] = tables[byte][nibble][rest] ^ low;
            tables[byte + 2][nibble][value + rest] = tables[byte + 2][nibble][rest] ^ high;
        }
    }
    tables.map(|tables| tables.map(u128::from_le_bytes))
}

/// Whether this is the multiplication by an element of the subfield: low bytes give only low bytes.
fn is_small(factor: &Map) -> bool {
    factor[2] == [0; 2]
}

/// The factors of two layers: the one of the outer layer, and those of both halves of the inner
/// layer.
struct Factors<'a> {
    outer: &'a Map,
    inner: [&'a Map; 2],
    /// Whether `outer` and the first of `inner` are zero, as they are at the first position.
    first: bool,
    /// Whether all are in the subfield.
    small: bool,
}

impl<'a> Factors<'a> {
    fn new(twists: &'a [Map], start: usize, distance: usize) -> Self {
        let base = start + distance - 1;
        let outer = &twists[base + distance];
        let inner = [&twists[base], &twists[base + 2 * distance]];
        Self {
            outer,
            inner,
            first: start == 0,
            small: [outer, inner[0], inner[1]].into_iter().all(is_small),
        }
    }
}

/// Two layers of the forward transform, in `work`; they start from `others` where there are such.
///
/// `FIRST`: `outer` and the first of `inner` are zero. `SMALL`: all factors are in the subfield.
/// `HALF`: only the first half of the results is wanted. `INNERMOST`: the results are values, and
/// `leave` changes their basis.
#[target_feature(enable = "avx2")]
fn forward_layers<
    'a,
    const FIRST: bool,
    const SMALL: bool,
    const HALF: bool,
    const INNERMOST: bool,
>(
    work: &mut [Block],
    others: impl Iterator<Item = Option<[&'a Block; 4]>>,
    factors: &Factors<'_>,
    leave: &Map,
) {
    let outer = spread(factors.outer);
    let inner = [spread(factors.inner[0]), spread(factors.inner[1])];
    let leave = spread(leave);
    for ([a, b, c, d], others) in quarters_mut(work).zip(others) {
        let [w, x, y, z] = others.unwrap_or([a, b, c, d]);
        let (mut w, mut x) = (Elements::load(w), Elements::load(x));
        let (mut y, mut z) = (Elements::load(y), Elements::load(z));
        if !FIRST {
            w = w.plus(y.times::<SMALL>(&outer));
            x = x.plus(z.times::<SMALL>(&outer));
        }
        if !HALF {
            y = y.plus(w);
            z = z.plus(x);
            y = y.plus(z.times::<SMALL>(&inner[1]));
            z = z.plus(y);
            if INNERMOST {
                (y, z) = (y.change(&leave), z.change(&leave));
            }
            y.store(c);
            z.store(d);
        }
        if !FIRST {
            w = w.plus(x.times::<SMALL>(&inner[0]));
        }
        x = x.plus(w);
        if INNERMOST {
            (w, x) = (w.change(&leave), x.change(&leave));
        }
        w.store(a);
        x.store(b);
    }
}

/// Two layers of the inverse transform.
///
/// `FIRST`, `SMALL`: as in [`forward_layers`]. `HALF`: the second half counts as zero, whatever is
/// in its memory. `INNERMOST`: `work` has values, and `enter` changes their basis.
#[target_feature(enable = "avx2")]
fn inverse_layers<const FIRST: bool, const SMALL: bool, const HALF: bool, const INNERMOST: bool>(
    work: &mut [Block],
    factors: &Factors<'_>,
    enter: &Map,
) {
    let outer = spread(factors.outer);
    let inner = [spread(factors.inner[0]), spread(factors.inner[1])];
    let enter = spread(enter);
    for [a, b, c, d] in quarters_mut(work) {
        let (mut w, mut x) = (Elements::load(a), Elements::load(b));
        if INNERMOST {
            (w, x) = (w.change(&enter), x.change(&enter));
        }
        x = x.plus(w);
        if !FIRST {
            w = w.plus(x.times::<SMALL>(&inner[0]));
        }
        let (mut y, mut z) = (w, x);
        if !HALF {
            (y, z) = (Elements::load(c), Elements::load(d));
            if INNERMOST {
                (y, z) = (y.change(&enter), z.change(&enter));
            }
            z = z.plus(y);
            y = y.plus(z.times::<SMALL>(&inner[1]));
            y = y.plus(w);
            z = z.plus(x);
        }
        if !FIRST {
            w = w.plus(y.times::<SMALL>(&outer));
            x = x.plus(z.times::<SMALL>(&outer));
        }
        w.store(a);
        x.store(b);
        y.store(c);
        z.store(d);
    }
}

/// A single layer of the inverse transform.
#[target_feature(enable = "avx2")]
fn inverse_layer<const SMALL: bool, const INNERMOST: bool>(
    work: &mut [Block],
    factor: &Map,
    enter: &Map,
) {
    let (factor, enter) = (spread(factor), spread(enter));
    let (a, b) = work.split_at_mut(work.len() / 2);
    for (a, b) in a.iter_mut().zip(b) {
        let (mut x, mut y) = (Elements::load(a), Elements::load(b));
        if INNERMOST {
            (x, y) = (x.change(&enter), y.change(&enter));
        }
        y = y.plus(x);
        x.plus(y.times::<SMALL>(&factor)).store(a);
        y.store(b);
    }
}

#[target_feature(enable = "avx2")]
fn add(target: &mut [Block], source: &[Block]) {
    for (target, source) in target.iter_mut().zip(source) {
        Elements::load(target)
            .plus(Elements::load(source))
            .store(target);
    }
}

/// The blocks that stand at the same place in each quarter.
fn quarters(blocks: &[Block]) -> impl Iterator<Item = [&Block; 4]> {
    let quarter = blocks.len() / 4;
    let (ab, cd) = blocks.split_at(2 * quarter);
    let ((a, b), (c, d)) = (ab.split_at(quarter), cd.split_at(quarter));
    let pairs = a.iter().zip(b).zip(c.iter().zip(d));
    pairs.map(|((a, b), (c, d))| [a, b, c, d])
}

/// [`quarters`], to be changed.
fn quarters_mut(blocks: &mut [Block]) -> impl Iterator<Item = [&mut Block; 4]> {
    let quarter = blocks.len() / 4;
    let (ab, cd) = blocks.split_at_mut(2 * quarter);
    let ((a, b), (c, d)) = (ab.split_at_mut(quarter), cd.split_at_mut(quarter));
    let pairs = a.iter_mut().zip(b).zip(c.iter_mut().zip(d));
    pairs.map(|((a, b), (c, d))| [a, b, c, d])
}

/// The tables of a map, with a copy of each in both halves of a register.
#[target_feature(enable = "avx2")]
#[inline]
fn spread(map: &Map) -> [[__m256i; 2]; 4] {
    let mut spread = [[_mm256_set1_epi8(0); 2]; 4];
    let tables = map.as_flattened();
    for (spread, table) in spread.as_flattened_mut().iter_mut().zip(tables) {
        // SAFETY: the types have the same size, and any bits are valid in both.
        let table = unsafe { transmute::<u128, __m128i>(*table) };
        *spread = _mm256_broadcastsi128_si256(table);
    }
    spread
}

/// 32 elements: their low bytes and their high bytes.
#[derive(Clone, Copy)]
struct Elements([__m256i; 2]);

impl Elements {
    #[target_feature(enable = "avx2")]
    #[inline]
    fn load(block: &Block) -> Self {
        // SAFETY: the types have the same size, and any bits are valid in both.
        Self(unsafe { transmute::<Block, [__m256i; 2]>(*block) })
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn store(self, block: &mut Block) {
        // SAFETY: the types have the same size, and any bits are valid in both.
        *block = unsafe { transmute::<[__m256i; 2], Block>(self.0) };
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn plus(self, other: Self) -> Self {
        let ([low, high], [other_low, other_high]) = (self.0, other.0);
        Self([
            _mm256_xor_si256(low, other_low),
            _mm256_xor_si256(high, other_high),
        ])
    }

    /// The product with a factor. `SMALL`: the factor is in the subfield, and treats high bytes
    /// like low ones.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn times<const SMALL: bool>(self, factor: &[[__m256i; 2]; 4]) -> Self {
        let [low, high] = self.nibbles();
        if SMALL {
            return Self([look_up(factor[0], low), look_up(factor[0], high)]);
        }
        let of_low = [look_up(factor[0], low), look_up(factor[2], low)];
        let of_high = [look_up(factor[1], high), look_up(factor[3], high)];
        Self(of_low).plus(Self(of_high))
    }

    /// The same elements in the other basis. Elements whose high byte is zero are the same in both.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn change(self, basis: &[[__m256i; 2]; 4]) -> Self {
        let [_, high] = self.nibbles();
        let of_low = [self.0[0], _mm256_set1_epi8(0)];
        let of_high = [look_up(basis[1], high), look_up(basis[3], high)];
        Self(of_low).plus(Self(of_high))
    }

    /// The low and the high nibbles of the low bytes, and those of the high bytes.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn nibbles(self) -> [[__m256i; 2]; 2] {
        let mask = _mm256_set1_epi8(0x0f);
        let [low, high] = self.0;
        [
            [
                _mm256_and_si256(low, mask),
                _mm256_and_si256(_mm256_srli_epi64::<4>(low), mask),
            ],
            [
                _mm256_and_si256(high, mask),
                _mm256_and_si256(_mm256_srli_epi64::<4>(high), mask),
            ],
        ]
    }
}

/// Looks up the low nibbles in one table and the high nibbles in the other, and adds the results.
#[target_feature(enable = "avx2")]
#[inline]
fn look_up([for_low, for_high]: [__m256i; 2], [low, high]: [__m256i; 2]) -> __m256i {
    _mm256_xor_si256(
        _mm256_shuffle_epi8(for_low, low),
        _mm256_shuffle_epi8(for_high, high),
    )
}
