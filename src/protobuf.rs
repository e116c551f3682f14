//! Messages of Protocol Buffers, written field by field (<https://protobuf.dev/programming-guides/encoding>). A field is a key,
//! `number << 3 | wire type`, and a value: a varint (wire type 0), eight bytes (1), a length and as many bytes (2), or four
//! bytes (5).

/// Bytes of a message.
#[derive(Debug, Clone, Default)]
pub struct Message(pub Vec<u8>);

impl Message {
    /// A varint without a key, as packed fields have several.
    pub fn raw(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn key(&mut self, field: u64, wire: u64) {
        self.raw(field << 3 | wire);
    }

    /// A whole number; negative ones take ten bytes, as two's complement of 64 bits.
    pub fn int(&mut self, field: u64, value: i64) {
        self.key(field, 0);
        self.raw(value as u64);
    }

    /// A number of eight bytes.
    pub fn double(&mut self, field: u64, value: f64) {
        self.key(field, 1);
        self.0.extend(value.to_le_bytes());
    }

    /// A number of four bytes.
    pub fn float(&mut self, field: u64, value: f32) {
        self.key(field, 5);
        self.0.extend(value.to_le_bytes());
    }

    /// Bytes, or several numbers packed.
    pub fn bytes(&mut self, field: u64, value: &[u8]) {
        self.key(field, 2);
        self.raw(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    /// A text.
    pub fn text(&mut self, field: u64, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    /// A message inside this one.
    pub fn message(&mut self, field: u64, value: &Message) {
        self.bytes(field, &value.0);
    }
}

#[cfg(test)]
mod tests {
    use super::Message;

    #[test]
    fn messages_are_those_of_the_encoding_guide() {
        let mut m = Message::default();
        // 150 in field 1 and "testing" in field 2 are the guide's own examples; −1 takes ten bytes.
        m.int(1, 150);
        m.text(2, "testing");
        m.int(3, -1);
        let guide = [0x08, 0x96, 0x01, 0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67];
        let minus_one = [0x18, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        assert_eq!(m.0, [&guide[..], &minus_one].concat());
        let mut outer = Message::default();
        outer.message(3, &m);
        assert_eq!(outer.0, [&[0x1a, 23][..], &m.0].concat());
    }

    #[test]
    fn numbers_and_bytes_lie_behind_their_keys() {
        let mut m = Message::default();
        m.int(2, 300);
        m.bytes(3, b"ab");
        m.float(2, 1.0);
        m.double(1, 1.0);
        let expected: [&[u8]; 4] = [
            &[0x10, 0xac, 0x02],
            &[0x1a, 2, b'a', b'b'],
            &[0x15, 0, 0, 0x80, 0x3f],
            &[9, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f],
        ];
        assert_eq!(m.0, expected.concat());
    }
}
