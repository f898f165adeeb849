//! The transforms with AVX2.
//!
//! One of the few modules with `unsafe` code. It pays: with the transforms of the library, the codes took
//! twice the time, a third of that of encoding a large blob.
//!
//! An element of the field is two bytes, its coordinates with respect to a basis, of which the first
//! eight elements are one of the subfield of 256 elements. *Values* of polynomials are in the library's basis, whose
//! other eight elements have nothing to do with the first. *Coefficients* are in the basis of `1` and an element `w`
//! over the subfield here, so that an element is `low + high w`. Most factors of the transforms are in the
//! subfield; then both bytes are multiplied alike, with four lookups instead of eight, and the tables of all
//! factors fit into the registers. The innermost layers of the inverse transform change the basis of what they
//! load, and those of the forward transform of what they store.

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

use crate::code::Block;

/// A linear map of elements: what it adds to low bytes because of low bytes, to low bytes because of high bytes,
/// to high bytes because of low bytes, and to high bytes because of high bytes. Each is a sum of two
/// results, looked up by the low and by the high nibble.
type Map = [[u128; 2]; 4];

/// The element `w`, in the library's basis: the first that is not in the subfield.
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

/// Exists only where AVX2 was found.
pub(super) struct Avx2 {
    /// The twist factor of each position.
    twists: Vec<Map>,
    /// From the library's basis to the one over the subfield.
    enter: Map,
    /// And back.
    leave: Map,
}

impl Avx2 {
    /// With the factors for positions below `shards`, if this CPU has AVX2.
    pub(super) fn detect(shards: usize) -> Option<Self> {
        if !is_x86_feature_detected!("avx2") {
            return None;
        }
        let basis = Basis::new();
        let twist = |log: &u16| match *log {
            GF_MODULUS => [[0; 2]; 4], // the logarithm of zero
            log => basis.multiplication(log),
        };
        let twists = tables::get_skew().iter().take(shards).map(twist).collect();
        Some(Self {
            twists,
            enter: map(|element| basis.enter(element)),
            leave: map(Basis::leave),
        })
    }

    /// Values from the coefficients in `work`, or from others.
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

    #[allow(clippy::unused_self)] // it shows that there is AVX2
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

/// The basis over the subfield.
struct Basis {
    /// For each high byte in the library's basis, the low byte and the high byte of what has it, and no
    /// low byte, in the basis over the subfield.
    of_high_bytes: [[GfElement; 2]; 256],
}

impl Basis {
    fn new() -> Self {
        let mut of_high_bytes = [[0; 2]; 256];
        for high in 0..=0xff {
            // No two of these have the same high byte: their sum would be in the subfield.
            let multiple = times_w(high);
            of_high_bytes[usize::from(multiple >> 8)] = [multiple & 0xff, high];
        }
        Self { of_high_bytes }
    }

    /// From the library's basis to this one.
    fn enter(&self, element: GfElement) -> GfElement {
        let [low, high] = self.of_high_bytes[usize::from(element >> 8)];
        (element & 0xff) ^ low ^ (high << 8)
    }

    /// From this basis to the library's.
    fn leave(element: GfElement) -> GfElement {
        (element & 0xff) ^ times_w(element >> 8)
    }

    /// Multiplication, in this basis, by the element with this logarithm.
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

/// Whether this is the multiplication by an element of the subfield: of low bytes it makes low bytes only.
fn is_small(factor: &Map) -> bool {
    factor[2] == [0; 2]
}

/// The factors of two layers: of the outer one, and of both halves of the inner one.
struct Factors<'a> {
    outer: &'a Map,
    inner: [&'a Map; 2],
    /// Whether `outer` and the first of `inner` are zero.
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

/// Two layers of what is in `work`, or of others.
///
/// `FIRST`: two of the factors are zero. `SMALL`: all of them are in the subfield. `HALF`: only the first half is
/// wanted. `INNERMOST`: the results are values, and `leave` their basis.
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

/// Two layers. `FIRST` and `SMALL` as above. `HALF`: the second half is zero, whatever is in its memory.
/// `INNERMOST`: `work` has values, which `enter` the basis of coefficients.
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

/// A single layer.
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

/// The blocks at the same places of the four quarters.
fn quarters(blocks: &[Block]) -> impl Iterator<Item = [&Block; 4]> {
    let quarter = blocks.len() / 4;
    let (ab, cd) = blocks.split_at(2 * quarter);
    let ((a, b), (c, d)) = (ab.split_at(quarter), cd.split_at(quarter));
    let pairs = a.iter().zip(b).zip(c.iter().zip(d));
    pairs.map(|((a, b), (c, d))| [a, b, c, d])
}

/// [`quarters`] that change.
fn quarters_mut(blocks: &mut [Block]) -> impl Iterator<Item = [&mut Block; 4]> {
    let quarter = blocks.len() / 4;
    let (ab, cd) = blocks.split_at_mut(2 * quarter);
    let ((a, b), (c, d)) = (ab.split_at_mut(quarter), cd.split_at_mut(quarter));
    let pairs = a.iter_mut().zip(b).zip(c.iter_mut().zip(d));
    pairs.map(|((a, b), (c, d))| [a, b, c, d])
}

/// The tables of a map, for both halves of a register.
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

    /// The product with a factor. `SMALL`: it is in the subfield, so that it does to high bytes what it does to
    /// low ones.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn times<const SMALL: bool>(self, factor: &[[__m256i; 2]; 4]) -> Self {
        let [low, high] = self.nibbles();
        if SMALL {
            return Self([look_up(factor[0], low), look_up(factor[0], high)]);
        }
        let because_of_low = [look_up(factor[0], low), look_up(factor[2], low)];
        let because_of_high = [look_up(factor[1], high), look_up(factor[3], high)];
        Self(because_of_low).plus(Self(because_of_high))
    }

    /// The same elements in the other basis, in which low bytes without high bytes are the same.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn change(self, basis: &[[__m256i; 2]; 4]) -> Self {
        let [_, high] = self.nibbles();
        let because_of_low = [self.0[0], _mm256_set1_epi8(0)];
        let because_of_high = [look_up(basis[1], high), look_up(basis[3], high)];
        Self(because_of_low).plus(Self(because_of_high))
    }

    /// Of the low and of the high bytes, the low and the high nibbles.
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

/// The sum of what two tables have for the low and for the high nibbles.
#[target_feature(enable = "avx2")]
#[inline]
fn look_up([for_low, for_high]: [__m256i; 2], [low, high]: [__m256i; 2]) -> __m256i {
    _mm256_xor_si256(
        _mm256_shuffle_epi8(for_low, low),
        _mm256_shuffle_epi8(for_high, high),
    )
}
