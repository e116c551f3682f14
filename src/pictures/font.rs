//! Letters of five by seven pixels, drawn for this program: captions in pictures need no font file.

use super::Picture;

/// Pixels of a letter, and between two of them.
const WIDTH: usize = 5;
const HEIGHT: usize = 7;
const SPACE: usize = 1;
/// Letters a band.
const BAND: usize = 16;

/// The printable characters of ASCII from the space on, sixteen a band, a column of spaces between two.
#[rustfmt::skip]
const BANDS: [[&str; HEIGHT]; 6] = [
    [
        "        #    # #   # #    #   ##  #  ##     #      #   #",
        "        #    # #   # #   #### ##  # #  #    #     #     #     #     #                         #",
        "        #    # #  ##### # #      #  # #     #    #       #  # # #   #                        #",
        "        #          # #   ###    #    #           #       #   ###  #####       #####         #",
        "        #         #####   # #  #    # # #        #       #  # # #   #    ##                #",
        "                   # #  ####  #  ## #  #          #     #     #     #     #          ##   #",
        "        #          # #    #   #  ##  ## #          #   #                 #           ##",
    ],
    [
        " ###    #    ###  #####    #  #####   ##  #####  ###   ###                 #         #     ###",
        "#   #  ##   #   #    #    ##  #      #        # #   # #   #  ##    ##     #           #   #   #",
        "#  ##   #       #   #    # #  ####  #        #  #   # #   #  ##    ##    #    #####    #      #",
        "# # #   #     ##     #  #  #      # ####     #   ###   ####             #               #    #",
        "##  #   #    #        # #####     # #   #   #   #   #     #  ##    ##    #    #####    #    #",
        "#   #   #   #     #   #    #  #   # #   #   #   #   #    #   ##     #     #           #",
        " ###   ###  #####  ###     #   ###   ###    #    ###   ##          #       #         #      #",
    ],
    [
        " ###   ###  ####   ###  ###   ##### #####  ###  #   #  ###    ### #   # #     #   # #   #  ###",
        "#   # #   # #   # #   # #  #  #     #     #   # #   #   #      #  #  #  #     ## ## ##  # #   #",
        "# ### #   # #   # #     #   # #     #     #     #   #   #      #  # #   #     # # # ##  # #   #",
        "# # # ##### ####  #     #   # ####  ####  # ### #####   #      #  ##    #     # # # # # # #   #",
        "# ### #   # #   # #     #   # #     #     #   # #   #   #      #  # #   #     #   # #  ## #   #",
        "#     #   # #   # #   # #  #  #     #     #   # #   #   #   #  #  #  #  #     #   # #  ## #   #",
        " #### #   # ####   ###  ###   ##### #      #### #   #  ###   ##   #   # ##### #   # #   #  ###",
    ],
    [
        "####   ###  ####   #### ##### #   # #   # #   # #   # #   # #####  ###         ###    #",
        "#   # #   # #   # #       #   #   # #   # #   # #   # #   #     #  #    #        #   # #",
        "#   # #   # #   # #       #   #   # #   # #   #  # #   # #     #   #     #       #  #   #",
        "####  #   # ####   ###    #   #   # #   # # # #   #     #     #    #      #      #",
        "#     # # # # #       #   #   #   #  # #  # # #  # #    #    #     #       #     #",
        "#     #  #  #  #      #   #   #   #  # #  ## ## #   #   #   #      #        #    #",
        "#      ## # #   # ####    #    ###    #   #   # #   #   #   #####  ###         ###        #####",
    ],
    [
        " #          #               #         ##        #       #      #  #      ##",
        "  #         #               #        #          #                 #       #",
        "       ###  ####   ####  ####  ###   #     #### ####   ##     ##  #  #    #   ####  ####   ###",
        "          # #   # #     #   # #   # ####  #   # #   #   #      #  # #     #   # # # #   # #   #",
        "       #### #   # #     #   # #####  #     #### #   #   #      #  ##      #   # # # #   # #   #",
        "      #   # #   # #     #   # #      #        # #   #   #   #  #  # #     #   # # # #   # #   #",
        "       #### ####   ####  ####  ####  #     ###  #   #  ###   ##   #  #     ## # # # #   #  ###",
    ],
    [
        "                         #                                           ##   #   ##",
        "                         #                                          #     #     #",
        "####   #### # ##   #### ####  #   # #   # #   # #   # #   # #####   #     #     #    ## #",
        "#   # #   # ##    #      #    #   # #   # # # #  # #  #   #    #   #      #      #  #  #",
        "####   #### #      ###   #    #   #  # #  # # #   #    ####   #     #     #     #",
        "#         # #         #  #    #   #  # #  # # #  # #      #  #      #     #     #",
        "#         # #     ####    ##   ####   #    # #  #   #  ###  #####    ##   #   ##",
    ],
];

/// Whether every character of a text can be drawn.
pub fn draws(text: &str) -> bool {
    text.bytes().all(|b| (b' '..=b'~').contains(&b))
}

/// Columns and rows that a text of `letters` characters takes, each pixel enlarged to `zoom`.
pub fn size(letters: usize, zoom: usize) -> [usize; 2] {
    [(letters * (WIDTH + SPACE)).saturating_sub(SPACE) * zoom, HEIGHT * zoom]
}

/// Writes a text with its upper left corner at `x, y`; what cannot be drawn is left blank.
pub fn write(picture: &mut Picture, text: &str, [x, y]: [usize; 2], zoom: usize, shade: u8) {
    for (at, letter) in text.bytes().enumerate() {
        let Some(number) = letter.checked_sub(b' ').map(usize::from).filter(|&n| n < BAND * BANDS.len())
        else {
            continue;
        };
        for (row, line) in BANDS[number / BAND].iter().enumerate() {
            let left = number % BAND * (WIDTH + SPACE);
            let ink = |column: usize| line.as_bytes().get(left + column) == Some(&b'#');
            for column in (0..WIDTH).filter(|&column| ink(column)) {
                let corner = [x + (at * (WIDTH + SPACE) + column) * zoom, y + row * zoom];
                fill(picture, corner, zoom, shade);
            }
        }
    }
}

/// Fills a square.
fn fill(picture: &mut Picture, [x, y]: [usize; 2], side: usize, shade: u8) {
    for row in y..y + side {
        let from = (row * picture.width + x) * picture.channels;
        picture.pixels[from..from + side * picture.channels].fill(shade);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// A text's rows, drawn.
    fn drawn(text: &str, zoom: usize) -> Picture {
        let [width, height] = size(text.len(), zoom);
        let mut picture = Picture::filled(width, height, 1, 0);
        write(&mut picture, text, [0, 0], zoom, 255);
        picture
    }

    #[test]
    fn letters_are_what_they_look_like() {
        let picture = drawn("sH", 1);
        let row = |y: usize| -> String {
            picture.pixels[y * 11..][..11].iter().map(|&p| if p > 0 { '#' } else { '.' }).collect()
        };
        let expected = [
            "......#...#",
            "......#...#",
            ".####.#...#",
            "#.....#####",
            ".###..#...#",
            "....#.#...#",
            "####..#...#",
        ];
        assert_eq!([0, 1, 2, 3, 4, 5, 6].map(row), expected);
        let twice = drawn("sH", 2);
        assert_eq!((twice.width, twice.height), (22, 14));
        assert_eq!(
            twice.pixels.iter().filter(|&&p| p > 0).count(),
            4 * picture.pixels.iter().filter(|&&p| p > 0).count()
        );
    }

    #[test]
    fn no_two_characters_look_alike() {
        let letters: Vec<String> = (b' '..=b'~').map(|b| char::from(b).to_string()).collect();
        let pictures: BTreeSet<Vec<u8>> = letters.iter().map(|letter| drawn(letter, 1).pixels).collect();
        assert_eq!(pictures.len(), 95);
        assert!(letters.iter().all(|letter| draws(letter)) && !draws("müd") && !draws("a\tb"));
    }
}
