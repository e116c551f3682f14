// The tile loop of products on the tensor cores, of matrices (matmul_mma.cu) and of pictures' patches (conv_mma.cu):
// operands of 16 bits or f32 rounded to tf32, sums in f32.
//
// A block computes a tile of 64 × 64 with four warps, of 128 × 128 with eight, or, where there are few columns, of 128 × 8
// with four. Tiles of both operands, 64 bytes
// deep, are on their way in STAGES stages of asynchronous copies: one is multiplied while the next ones travel.
// They lie in shared memory as they do in device memory, along whichever axis is contiguous; ldmatrix turns them
// where that is not k. Pieces of 16 bytes change places within their lines so that eight of a column lie in
// different banks; what cannot be copied by 16 bytes is gathered element by element.
//
// At the end the sums pass through the tiles' memory, so that the epilogue walks rows, four neighbours a thread.
#pragma once
#include "matmul.cuh"
#include "mma.cuh"

#define STAGES 3
// A line that no tile has.
#define NO_ONES 0xffffffffu
// Of a tile's depth, in words of 4 bytes.
#define LINE 16

// What differs between number types: how many lie in a word, how deep one multiplication is, in words, and whether it
// rounds its operands; then sums of columns are no products with ones.
struct Half {
  typedef u16 Element;
  static constexpr u32 PER_WORD = 2, STEP = 8, ONE = 0x3c00;
  static constexpr bool ROUNDS = false;
  static __device__ __forceinline__ u32 turn(u32 depth) { return depth % 8; }
  static __device__ __forceinline__ void multiply(float (&sums)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    multiply_f16(sums, a, b);
  }
};
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
struct Bfloat : Half {
  static constexpr u32 ONE = 0x3f80;
  static __device__ __forceinline__ void multiply(float (&sums)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    multiply_bf16(sums, a, b);
  }
};
struct Tf32 {
  typedef u32 Element;
  static constexpr u32 PER_WORD = 1, STEP = 8, ONE = 0;
  static constexpr bool ROUNDS = true;
  static __device__ __forceinline__ u32 turn(u32 depth) { return depth % 4 * 2; }
  static __device__ __forceinline__ void multiply(float (&sums)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    multiply_tf32(sums, a, b);
  }
};
#endif

// An operand's tile in shared memory: LENGTH along m, or n if it is the RIGHT one, LINE words deep. `deep`: k is the
// contiguous axis.
template <class Number, u32 LENGTH, bool RIGHT>
struct Tile {
  static constexpr u32 PIECE = 4 * Number::PER_WORD;  // elements of 16 bytes
  static constexpr u32 DEPTH = LINE * Number::PER_WORD;
  static constexpr u32 WORDS = LENGTH * LINE;
  // Eight columns: as many as one multiplication takes.
  static constexpr bool NARROW = LENGTH == 8;

  u32 start;  // of its first stage, in words of the block's memory
  bool deep;

  // The word that holds element (along, depth); its piece changes places within the line.
  __device__ __forceinline__ u32 word(u32 along, u32 depth) const {
    if (deep) return along * LINE + ((depth / PIECE ^ along / 2 % 4) * 4) + depth % PIECE / Number::PER_WORD;
    return depth * (LENGTH / Number::PER_WORD) + (along / PIECE ^ (NARROW ? 0 : Number::turn(depth))) * 4 +
           along % PIECE / Number::PER_WORD;
  }

  // Where the pieces of a tile begin.
  __device__ __forceinline__ u32 along(u32 piece) const { return deep ? piece / 4 : piece % (LENGTH / PIECE) * PIECE; }
  __device__ __forceinline__ u32 within(u32 piece) const { return deep ? piece % 4 * PIECE : piece / (LENGTH / PIECE); }

  // Which halves of 16 lines, and of a multiplication's depth, the j-th of four fragments is of. A multiplication takes
  // all four of the left operand; of the right one those of both depths for eight columns, which so are neighbours.
  static __device__ __forceinline__ u32 along_half(u32 j) { return RIGHT ? j / 2 : j % 2; }
  static __device__ __forceinline__ u32 depth_half(u32 j) { return RIGHT ? j % 2 : j / 2; }

  // The word of the first stage where this lane begins to read the fragments of 16 lines from `from_along` on, a multiple of
  // 32; of a narrow tile, of its eight columns. 16-bit numbers only.
  __device__ __forceinline__ u32 lane_word(u32 from_along) const {
    if constexpr (NARROW) return start + (deep ? word(threadIdx.x % 8, threadIdx.x % 32 / 8 * 8) : word(0, threadIdx.x % 32));
    u32 lane = threadIdx.x % 32, row = lane % 8, a = from_along + along_half(lane / 8) * 8, d = depth_half(lane / 8) * 8;
    return start + (deep ? word(a + row, d) : word(a, d + row));
  }
  // The same of the `lines`-th 16 lines on and the `step`-th multiplication of a tile's depth: as `word` has it, two pieces
  // on are in the same line, where bits of the places change.
  __device__ __forceinline__ u32 moved(u32 word, u32 lines, u32 step) const {
    return deep ? (word ^ 8 * step) + 16 * LINE * lines
                : (word ^ 8 * lines) + step * Number::STEP * Number::PER_WORD * (LENGTH / Number::PER_WORD);
  }

  // The fragments of the `lines`-th 16 rows (or columns) from `from_along` on and one multiplication's depth, the `step`-th
  // of a tile. `word` is the lane's.
  template <class Tiles>
  __device__ __forceinline__ void fragments(Tiles& tiles, u32 stage, u32 from_along, u32 word, u32 lines, u32 step,
                                            u32 (&to)[4]) const {
    if constexpr (Number::PER_WORD == 2) {
      load_matrices(tiles, moved(word, lines, step) + stage * WORDS, !deep, to);
    } else {
      u32 base = start + stage * WORDS, lane = threadIdx.x % 32;
#pragma unroll
      for (u32 j = 0; j < 4; j++) {
        u32 along = from_along + 16 * lines + lane / 4 + along_half(j) * 8, depth = step * Number::STEP + lane % 4 + depth_half(j) * 4;
        u32 bits = tiles[base + this->word(along, depth)];
        to[j] = to_tf32(bits);
      }
    }
  }

  // The fragments of a narrow tile's eight columns over its whole depth: a quarter of it each, two for a multiplication.
  template <class Tiles>
  __device__ __forceinline__ void quarters(Tiles& tiles, u32 stage, u32 word, u32 (&to)[4]) const {
    if constexpr (Number::PER_WORD == 2) {
      load_matrices(tiles, word + stage * WORDS, !deep, to);
    } else {
      u32 base = start + stage * WORDS, lane = threadIdx.x % 32;
#pragma unroll
      for (u32 j = 0; j < 4; j++) to[j] = to_tf32(tiles[base + this->word(lane / 4, 4 * j + lane % 4)]);
    }
  }

  // Whether a tile has a piece of this number: of a narrow one, not every thread has one.
  template <u32 THREADS>
  static __device__ __forceinline__ bool has(u32 piece) {
    return WORDS / 4 >= THREADS || piece < WORDS / 4;
  }
};

// An operand that lies as a matrix. What it reads again from its parameters keeps no register.
template <class Number, u32 LENGTH, bool RIGHT, bool FOLLOWED>
struct Matrix : Tile<Number, LENGTH, RIGHT> {
  typedef Tile<Number, LENGTH, RIGHT> Base;

  const MatmulArguments& a;
  Lines<FOLLOWED> lines;
  u32 ones;  // a line of ones there; NO_ONES is none

  __device__ __forceinline__ Global<const typename Number::Element> from() const {
    return recast<const typename Number::Element>(RIGHT ? a.b : a.a);
  }
  __device__ __forceinline__ i64 along_stride() const { return RIGHT ? a.b_strides[1] : a.a_strides[0]; }
  __device__ __forceinline__ i64 depth_stride() const { return RIGHT ? a.b_strides[0] : a.a_strides[1]; }

  // 16 bytes of each tile that a thread brings.
  struct Piece {
    i64 at;        // its first element in the first tile
    u32 to;        // its place in the first stage
    bool aligned;  // so that it is one copy: in all tiles or in none, as these are multiples of 16 bytes apart
  };

  // A piece of the tiles from `depth` on.
  __device__ __forceinline__ Piece piece(u32 number, u32 depth) const {
    u32 left = lines.left(this->along(number));
    i64 at = (i64)lines.at(this->along(number)) * along_stride() + (i64)(depth + this->within(number)) * depth_stride();
    bool in_a_row = (this->deep ? depth_stride() : along_stride()) == 1 && left >= (this->deep ? 1 : Base::PIECE);
    return {at, this->start + this->word(this->along(number), this->within(number)), in_a_row && ::aligned(from(), at, 16)};
  }

  // Sends the tile at `depth`, `gone` elements of depth behind the first one, to a stage; zeros outside its lines and from
  // `depth_end` on but for the line of ones.
  template <u32 THREADS, u32 COUNT, class Tiles>
  __device__ __forceinline__ void bring(Tiles& tiles, const Piece (&pieces)[COUNT], u32 stage, u32 depth, u32 depth_end,
                                        u32 gone) const {
    i64 on = (i64)gone * depth_stride();
#pragma unroll
    for (u32 part = 0; part < COUNT; part++) {
      const Piece& piece = pieces[part];
      u32 number = part * THREADS + threadIdx.x, k = depth + this->within(number), to = piece.to + stage * Base::WORDS;
      if (!this->template has<THREADS>(number)) continue;
      if (piece.aligned && (this->deep ? k + Base::PIECE : k + 1) <= depth_end) {
        copy16_async(tiles, to, from(), piece.at + on);
      } else {
        bring_edge(tiles, number, to, piece.at + on, k, depth_end);
      }
    }
  }

  // A piece that no single copy brings.
  template <class Tiles>
  __device__ __forceinline__ void bring_edge(Tiles& tiles, u32 piece, u32 to, i64 at, u32 k, u32 depth_end) const {
    u32 i = lines.at(this->along(piece)), left = lines.left(this->along(piece)), words[4] = {};
    // Most of them lie wholly outside: where a tile reaches past the matrix, at every depth.
    bool ones_here = this->deep ? i == ones : ones - i < Base::PIECE;
    if (k >= depth_end || (left == 0 && !ones_here)) {
      store4(tiles, to, words);
      return;
    }
    i64 step = this->deep ? depth_stride() : along_stride();
#pragma unroll
    for (u32 j = 0; j < Base::PIECE; j++) {
      bool inside = this->deep ? left > 0 && k + j < depth_end : j < left && k < depth_end;
      bool one = this->deep ? i == ones && k + j < depth_end : i + j == ones && k < depth_end;
      u32 element = inside ? from()[at + j * step] : one ? Number::ONE : 0;
      words[j / Number::PER_WORD] |= element << 16 * (j % Number::PER_WORD);
    }
    store4(tiles, to, words);
  }
};

// Words of shared memory as f32s.
template <class Tiles>
struct FloatSlots {
  Tiles& words;
  struct Slot {
    Tiles& words;
    u32 at;
    __device__ __forceinline__ operator float() const { return __uint_as_float(words[at]); }
    __device__ __forceinline__ void operator=(float x) const { words[at] = __float_as_uint(x); }
  };
  __device__ __forceinline__ Slot operator[](u32 at) const { return {words, at}; }
};
template <class Tiles>
__device__ __forceinline__ void load4(const FloatSlots<Tiles>& from, u32 at, float (&to)[4]) {
  load4(from.words, at, to);
}
template <class Tiles>
__device__ __forceinline__ void store4(FloatSlots<Tiles>& to, u32 at, const float (&from)[4]) {
  u32 words[4] = {__float_as_uint(from[0]), __float_as_uint(from[1]), __float_as_uint(from[2]),
                  __float_as_uint(from[3])};
  store4(to.words, at, words);
}

// The tile of this block, TILE × COLUMNS: slice [depth, depth_end) of the product of two operands, which bring their tiles
// themselves. A square one takes 2 × TILE / 32 warps of TILE / 2 × 32 results each, a narrow one a warp for 32 rows.
template <class Number, u32 TILE, u32 COLUMNS, After AFTER, class Side, class Other, class Rows, bool FOLLOWED>
__device__ __forceinline__ void compute_tile(const MatmulArguments& a, Conclusion<AFTER>& conclusion, const Part& part,
                                             const Side& left, const Other& right, const Rows& rows,
                                             const Lines<FOLLOWED>& columns, u32 depth, u32 depth_end) {
  constexpr bool NARROW = Other::NARROW;
  static_assert(NARROW || TILE == COLUMNS, "tiles are square or narrow");
  constexpr u32 THREADS = NARROW ? TILE : 2 * TILE, ACROSS = NARROW ? 1 : TILE / 32, STEPS = LINE / Number::STEP;
  // Rows of a warp, in multiplications of 16 rows; columns, in those of eight.
  constexpr u32 BAND = NARROW ? 32 : TILE / 2, HIGH = BAND / 16, WIDE = NARROW ? 1 : 4;
  // Of the sums' passage.
  constexpr u32 PITCH = NARROW ? COLUMNS + 4 : TILE + 8, ROWS = NARROW || TILE < 64 ? TILE : 64;
  SHARED(u32, tiles, STAGES * (Side::WORDS + Other::WORDS));
  static_assert(ROWS * PITCH <= STAGES * (Side::WORDS + Other::WORDS), "the sums of these rows fit where the tiles were");

  u32 count = (depth_end - depth + Side::DEPTH - 1) / Side::DEPTH;
  u32 warp = threadIdx.x / 32, row = warp / ACROSS * BAND, column = warp % ACROSS * 32;
  constexpr u32 LEFT = Side::WORDS / 4 / THREADS, RIGHT = NARROW ? 1 : Other::WORDS / 4 / THREADS;
  typename Side::Piece left_pieces[LEFT];
  typename Other::Piece right_pieces[RIGHT];
#pragma unroll
  for (u32 i = 0; i < LEFT; i++) left_pieces[i] = left.piece(i * THREADS + threadIdx.x, depth);
#pragma unroll
  for (u32 i = 0; i < RIGHT; i++) right_pieces[i] = right.piece(i * THREADS + threadIdx.x, depth);
  u32 left_word = left.lane_word(row), right_word = right.lane_word(column);
  float sums[HIGH][WIDE][4] = {};
  // A thread for each column, where sums of columns are not products.
  bool summing = Number::ROUNDS && a.sums && part.row == a.m / TILE && threadIdx.x < COLUMNS;
  float column_sum = 0.0f;

  // Tile `sent` leaves, and the one STAGES − 1 before it is multiplied.
#pragma unroll 1
  for (u32 sent = 0; sent < count + STAGES - 1; sent++) {
    if (sent >= STAGES - 1) {
      copies_wait<STAGES - 2>();
      // All threads' copies of that tile are there, and nobody reads the one before it any more.
      __syncthreads();
    }
    if (sent < count) {
      u32 gone = sent * Side::DEPTH;
      left.template bring<THREADS>(tiles, left_pieces, sent % STAGES, depth + gone, depth_end, gone);
      right.template bring<THREADS>(tiles, right_pieces, sent % STAGES, depth + gone, depth_end, gone);
    }
    copies_commit();
    if (sent < STAGES - 1) continue;
    u32 stage = (sent + 1) % STAGES;
    if (summing) {
#pragma unroll
      for (u32 d = 0; d < Side::DEPTH; d++) {
        u32 word = right.start + stage * Other::WORDS + right.word(threadIdx.x, d);
        column_sum = add(column_sum, __uint_as_float(tiles[word]));
      }
    }
    u32 quarters[4];
    if constexpr (NARROW) right.quarters(tiles, stage, right_word, quarters);
    // Addresses of single f32s take registers that there are not twice.
#pragma unroll Number::ROUNDS && !NARROW ? 1 : STEPS
    for (u32 step = 0; step < STEPS; step++) {
      u32 x[HIGH][4], y[2][4];
#pragma unroll
      for (u32 r = 0; r < HIGH; r++) left.fragments(tiles, stage, row, left_word, r, step, x[r]);
#pragma unroll
      for (u32 c = 0; c < 2; c++) {
        if constexpr (NARROW) {
          y[0][c] = quarters[2 * step + c];
        } else {
          right.fragments(tiles, stage, column, right_word, c, step, y[c]);
        }
      }
#pragma unroll
      for (u32 r = 0; r < HIGH; r++) {
#pragma unroll
        for (u32 c = 0; c < WIDE; c++) {
          u32 pair[2] = {y[c / 2][c % 2 * 2], y[c / 2][c % 2 * 2 + 1]};
          Number::multiply(sums[r][c], x[r], pair);
        }
      }
    }
  }

  u32 lane = threadIdx.x % 32;
  bool whole = true;
#pragma unroll 1
  for (u32 from = 0; from < TILE; from += ROWS) {
    __syncthreads();
    if (row / ROWS * ROWS == from) {
#pragma unroll
      for (u32 r = 0; r < HIGH; r++) {
#pragma unroll
        for (u32 c = 0; c < WIDE; c++) {
#pragma unroll
          for (u32 j = 0; j < 4; j++) {
            u32 at = (row - from + 16 * r + lane / 4 + j / 2 * 8) * PITCH + column + 8 * c + lane % 4 * 2 + j % 2;
            tiles[at] = __float_as_uint(sums[r][c][j]);
          }
        }
      }
    }
    __syncthreads();
    if constexpr (Number::ROUNDS) {
      u32 row_of_sums = a.m % TILE - from;
      if (summing && row_of_sums < ROWS) tiles[row_of_sums * PITCH + threadIdx.x] = __float_as_uint(column_sum);
      __syncthreads();
    }
    whole = deliver_rows<ROWS, COLUMNS, PITCH, THREADS>(a, conclusion, tiles, part, rows, part.row * TILE + from, columns);
  }
  FloatSlots<decltype(tiles)> slots = {tiles};
  conclude_tile<TILE, THREADS>(a, conclusion, slots, part, columns, whole);
}
