//! Integers of variable length, as modules and values have them.

/// Appends a canonical ULEB128 integer.
pub(crate) fn write_uleb(mut value: u64, out: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(value & 0x7f).expect("seven bits");
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}
