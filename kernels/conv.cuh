// What the kernels of convolutions have in common: which products they are, and where the taps of a position lie.
//
// A picture x, a kernel w [kh, kw, in, out] and a result y give three products, none of which stores its patches:
//   RESULT   y[positions, out]   = patches of x · w
//   PICTURE  x'[pixels, in]      = patches of y · w, turned tap by tap
//   KERNEL   w'[taps · in, out]  = patches of x, transposed, · y
// Pixels of x' which see the same taps are those of one phase (row modulo the stride, column modulo the stride): a
// product of its own, whose depth is these taps alone. Phases are the grid's second axis.
//
// A patch's address is that of its corner and that of a tap and channel added up. Of the two one stays while a block
// walks along k; the other takes two divisions a piece of 16 bytes, by numbers whose reciprocals the host has made.
#pragma once
#include "matmul.cuh"

#define MAX_PHASES 16  // of an axis: the largest stride of a transposed convolution

// Forms, numbered by `Form` of src/lower/convolution.rs.
enum Form { RESULT, PICTURE, KERNEL };

// A divisor of numbers below 2^31.
struct Divisor {
  u32 by;
  u32 factor;
  u32 shift;
  u32 unused;
  __device__ __forceinline__ u32 quotient(u32 n) const { return (__umulhi(n, factor) + n) >> shift; }
};

// Positions along one axis of a picture.
struct Axis {
  Divisor count;  // position t < count is line `first + t·step` of what comes out
  Divisor taps;   // of each
  u32 first;
  u32 step;
  int from;    // tap q of position t meets pixel `from + t·stride + q`
  int stride;
  int weight;  // and the kernel's tap `weight + q·weight_step`
  int weight_step;
};

struct ConvArguments {
  MatmulArguments product;   // m, n and k: of all phases together, and the most of one
  i64 row_stride;            // elements from a row of the picture that is gathered from to the next
  int strides[2];            // from a pixel to the one below, to the one beside it
  u32 pixels[2];             // height and width
  Divisor channels;          // of that picture
  u32 phases[2];
  u32 rows;                  // pictures
  u32 tiles;                 // of the largest phase
  u32 lines[2];              // height and width of what comes out
  int kernel_width;
  u32 inputs;                // PICTURE: channels of what comes out
  u32 patches_whole;         // whether pieces of 16 bytes of the picture's channels are copied as such
  u32 weights_whole;         // PICTURE: and of the kernel's
  Axis axis[2][MAX_PHASES];  // down, across
};

// A position's patch: where its corner lies, and which pixel that is.
struct Corner {
  i64 at;
  int pixel[2];
};

// A tap of a patch and a channel of it.
struct Tap {
  u32 down, across, channel;
};

// One product of a convolution: a phase's positions and taps.
struct Phase {
  const ConvArguments& a;
  const Axis& down;
  const Axis& across;

  __device__ __forceinline__ explicit Phase(const ConvArguments& a)
      : a(a), down(a.axis[0][blockIdx.y / a.phases[1]]), across(a.axis[1][blockIdx.y % a.phases[1]]) {}

  __device__ __forceinline__ u32 positions() const { return a.rows * down.count.by * across.count.by; }
  // Taps and channels of a patch.
  __device__ __forceinline__ u32 patch() const { return down.taps.by * across.taps.by * a.channels.by; }

  // The corner of a position; `inside` false makes one that meets no pixel.
  __device__ __forceinline__ Corner corner(u32 position, bool inside) const {
    u32 line = across.count.quotient(position), row = down.count.quotient(line);
    int i = (int)(line - row * down.count.by), j = (int)(position - line * across.count.by);
    int y = down.from + i * down.stride, x = across.from + j * across.stride;
    i64 at = row * a.row_stride + (i64)y * a.strides[0] + (i64)x * a.strides[1];
    return {at, {inside ? y : -0x40000000, x}};
  }

  // The tap and channel that stand at `number` of a patch.
  __device__ __forceinline__ Tap tap(u32 number) const {
    u32 tap = a.channels.quotient(number), line = across.taps.quotient(tap);
    return {line, tap - line * across.taps.by, number - tap * a.channels.by};
  }
  __device__ __forceinline__ void advance(Tap& tap) const {
    if (++tap.channel < a.channels.by) return;
    tap.channel = 0;
    if (++tap.across < across.taps.by) return;
    tap.across = 0;
    tap.down++;
  }

  // Calls put(j, whether there is one, where it lies) for COUNT neighbours of a patch, of which the first `count` are its own.
  template <u32 COUNT, class Put>
  __device__ __forceinline__ void each(const Corner& corner, Tap tap, u32 count, Put put) const {
#pragma unroll
    for (u32 j = 0; j < COUNT; j++) {
      put(j, j < count && inside(corner, tap), at(corner, tap));
      advance(tap);
    }
  }

  __device__ __forceinline__ bool inside(const Corner& corner, const Tap& tap) const {
    return (u32)corner.pixel[0] + tap.down < a.pixels[0] && (u32)corner.pixel[1] + tap.across < a.pixels[1];
  }
  __device__ __forceinline__ i64 at(const Corner& corner, const Tap& tap) const {
    return corner.at + (int)tap.down * a.strides[0] + (int)tap.across * a.strides[1] + (int)tap.channel;
  }

  // Where the kernel has the tap for the first of x's channels; `channel` is one of y's, which are `channels.by`.
  __device__ __forceinline__ i64 weight(const Tap& tap) const {
    int line = down.weight + (int)tap.down * down.weight_step, column = across.weight + (int)tap.across * across.weight_step;
    return (i64)(line * a.kernel_width + column) * a.inputs * a.channels.by + tap.channel;
  }
};

// Rows of a phase's product: pixels that lie a stride apart.
struct PhaseRows {
  const Phase& phase;
  u32 count;
  __device__ __forceinline__ bool inside(u32 row) const { return row < count; }
  __device__ __forceinline__ u32 at(u32 row) const {
    const Axis &down = phase.down, &across = phase.across;
    u32 line = across.count.quotient(row), picture = down.count.quotient(line);
    u32 i = line - picture * down.count.by, j = row - line * across.count.by;
    return (picture * phase.a.lines[0] + down.first + i * down.step) * phase.a.lines[1] + across.first + j * across.step;
  }
};

// How many of COUNT neighbours from `at` on are below `end`.
template <u32 COUNT>
__device__ __forceinline__ u32 left_of(u32 at, u32 end) {
  return at >= end ? 0 : end - at < COUNT ? end - at : COUNT;
}

// What of a convolution a block computes: its rows, and a slice of their depth.
struct Share {
  Part part;
  u32 rows, depth, depth_end;
  __device__ __forceinline__ Share(const Phase& phase, Form form) {
    const MatmulArguments& product = phase.a.product;
    u32 tile = blockIdx.x % phase.a.tiles;
    part = {blockIdx.y * phase.a.tiles + tile, tile / product.across, tile % product.across, blockIdx.x / phase.a.tiles};
    rows = form == KERNEL ? phase.patch() : phase.positions();
    u32 whole = form == KERNEL ? phase.positions() : phase.patch(), from = part.slice * product.span;
    depth = from < whole ? from : whole;
    depth_end = whole - depth < product.span ? whole : depth + product.span;
  }
};
