// The emulated asynchronous units; `hopper.h` says how far they go.
#include "gpu.h"

#include <algorithm>

namespace gpu {

// What a tensor map's words hold; Rust: `Emulated::tensor_map`.
enum { MAGIC, ADDRESS, WIDTH, HEIGHT, PITCH, BOX_WIDTH, BOX_HEIGHT, SWIZZLE };
constexpr std::uint64_t TENSOR_MAP = 0x7461'6d72'6f73'6e65;

// In registers whose product is in flight: a NaN that no arithmetic makes.
constexpr std::uint32_t IN_FLIGHT = 0x7fc5a5a5;

// Where a byte goes whose pieces of 16 change places: bits 4 and up by bits 7 and up, as many as `bits`.
static std::uint32_t swizzled(std::uint32_t address, unsigned bits) {
  return address ^ (address >> 7 & ((1u << bits) - 1)) << 4;
}

void Async::reset(unsigned count) {
  // What a kernel without any of this has never used is clean.
  if (used || threads.size() != count) {
    threads.assign(count, Flight{});
    products.assign((count + 127) / 128, {});
    pieces.clear();
    arrays.clear();
    copies.clear();
  }
  used = false;
}

Flight& Async::own() {
  used = true;
  return threads[context->number];
}

bool Async::seen(unsigned thread, const Piece& piece) const {
  for (const auto& [barrier, phases] : threads[thread].seen) {
    if (barrier == piece.barrier) return phases > piece.phase;
  }
  return false;
}

static std::uint32_t address_of(At at, const Array& array) {
  return array.address + (std::uint32_t)at.index * array.bytes;
}

void Async::touched(At at, const Array& array) const {
  std::uint32_t piece = address_of(at, array) / 16;
  if (piece >= pieces.size() || pieces[piece].barrier == nullptr || seen(context->number, pieces[piece])) return;
  fail(at.file, at.line, "%s[%lld] is touched before the bulk copy to it was waited for", array.name,
       (long long)at.index);
}

void Async::overwritten(At at, const Array& array) {
  std::uint32_t piece = address_of(at, array) / 16;
  if (piece >= pieces.size()) return;
  if (pieces[piece].readers > 0) {
    fail(at.file, at.line, "%s[%lld] is overwritten while a product in flight reads it", array.name,
         (long long)at.index);
  }
  pieces[piece].barrier = nullptr;
}

// A phase ends when everybody has arrived and all bytes have.
static void settle(Barrier& barrier) {
  if (barrier.pending > 0 || barrier.bytes != 0) return;
  barrier.phase++;
  barrier.pending = barrier.expected;
}

Barrier& barrier_at(const Barriers& barriers, At at) {
  // Its bounds are checked here.
  (void)barriers[at];
  const Shadow& s = barriers.array.shadow[at.index];
  const Context& c = *context;
  if (s.writer == NOBODY || (s.writer != c.number && s.write_epoch == c.epoch)) {
    fail(at.file, at.line, "barrier %s[%lld] is used before all threads know that it was initialised",
         barriers.array.name, (long long)at.index);
  }
  return static_cast<Barrier*>(barriers.array.data)[at.index];
}

void barrier_init(const Barriers& barriers, At at, unsigned count) {
  if (count == 0 || count > 255) fail(at.file, at.line, "a barrier of %u arrivals is not emulated", count);
  Barrier barrier{0, 0, (std::uint8_t)count, (std::uint8_t)count, 0};
  unsigned long long bits;
  std::memcpy(&bits, &barrier, sizeof bits);
  barriers[at] = bits;
  context->async->own().made.push_back(&barrier_at(barriers, at));
}

void barrier_arrive(const Barriers& barriers, At at, unsigned bytes) {
  Barrier& barrier = barrier_at(barriers, at);
  if (barrier.pending == 0) {
    fail(at.file, at.line, "barrier %s[%lld]: more than %u arrive in one phase", barriers.array.name,
         (long long)at.index, (unsigned)barrier.expected);
  }
  barrier.bytes += (std::int32_t)bytes;
  barrier.pending--;
  settle(barrier);
}

void barrier_wait(const Barriers& barriers, At at, unsigned parity) {
  Barrier& barrier = barrier_at(barriers, at);
  auto ended = [](const void* barrier, unsigned parity) {
    return (static_cast<const Barrier*>(barrier)->phase & 1u) != parity;
  };
  if (!ended(&barrier, parity)) wait_until(ended, &barrier, parity, at.file, at.line);
  auto& seen = context->async->own().seen;
  auto known = std::find_if(seen.begin(), seen.end(), [&](const auto& pair) { return pair.first == &barrier; });
  if (known == seen.end()) known = seen.insert(seen.end(), {&barrier, 0});
  known->second = barrier.phase;
}

void fence_async() {
  auto& made = context->async->own().made;
  for (Barrier* barrier : made) barrier->fenced = 1;
  made.clear();
}

void copy_box(const Array& to, At word, const std::uint64_t (&map)[16], std::int32_t x, std::int32_t y,
              Barrier& barrier) {
  auto refuse = [&](const char* what) {
    fail(word.file, word.line, "a bulk copy to %s[%lld] %s", to.name, (long long)word.index, what);
  };
  Async& async = *context->async;
  if (map[MAGIC] != TENSOR_MAP) refuse("through something that is no tensor map");
  if (!barrier.fenced) refuse("counts towards a barrier whose initialisation was not fenced");
  std::uint32_t start = address_of(word, to), bytes = (std::uint32_t)(map[BOX_WIDTH] * map[BOX_HEIGHT] * 2);
  // Of the swizzle's pattern; 128 without one.
  if (start % (128u << map[SWIZZLE]) != 0) refuse("is misaligned");
  if (word.index < 0 || (std::size_t)word.index + bytes / 4 > to.count) refuse("is out of bounds");
  for (std::int64_t row = std::max(y, 0); row < std::min(y + (std::int64_t)map[BOX_HEIGHT], (std::int64_t)map[HEIGHT]);
       row++) {
    std::uintptr_t line = map[ADDRESS] + (std::uintptr_t)row * map[PITCH];
    if (!inside(line, map[WIDTH] * 2)) refuse("reads outside every allocation");
  }
  std::uint32_t end = (start + bytes + 15) / 16;
  if (async.pieces.size() < end) async.pieces.resize(end, Piece{nullptr, 0, true, 0});
  auto known = [&](const Array& array) { return array.address == to.address; };
  if (std::none_of(async.arrays.begin(), async.arrays.end(), known)) async.arrays.push_back(to);
  const Context& c = *context;
  for (std::uint32_t piece = start / 16; piece < end; piece++) {
    Piece& p = async.pieces[piece];
    if (p.readers > 0) refuse("overwrites what a product in flight reads");
    if (!p.arrived) refuse("goes where another one is on its way to");
    p = Piece{&barrier, (std::uint16_t)barrier.phase, false, 0};
  }
  for (std::size_t i = 0; i < bytes / 4; i++) {
    Shadow& s = to.shadow[word.index + i];
    At at(word.index + (std::int64_t)i, word.line, word.file);
    if (s.writer != NOBODY && s.writer != c.number && s.write_epoch == c.epoch) race(at, to, "written", s.writer);
    if (s.reader != NOBODY && s.reader != c.number && s.read_epoch == c.epoch) race(at, to, "read", s.reader);
    // Ordered by its barrier, not by the block's.
    s.writer = (std::uint16_t)c.number;
    s.write_epoch = 0xffffffffu;
  }
  std::memset(static_cast<char*>(to.data) + word.index * 4, 0xff, bytes);
  BoxCopy copy{to, (std::size_t)word.index, {}, x, y, &barrier};
  std::copy(std::begin(map), std::end(map), copy.map);
  async.copies.push_back(copy);
}

static void arrive(Async& async, const BoxCopy& copy) {
  const auto& map = copy.map;
  std::uint32_t start = copy.to.address + (std::uint32_t)copy.word * 4;
  char* data = static_cast<char*>(copy.to.data);
  std::uint32_t width = (std::uint32_t)map[BOX_WIDTH], height = (std::uint32_t)map[BOX_HEIGHT];
  for (std::uint32_t row = 0; row < height; row++) {
    for (std::uint32_t column = 0; column < width; column++) {
      std::int64_t x = (std::int64_t)copy.x + column, y = (std::int64_t)copy.y + row;
      bool is_inside = x >= 0 && y >= 0 && x < (std::int64_t)map[WIDTH] && y < (std::int64_t)map[HEIGHT];
      std::uint16_t value = 0;
      if (is_inside) std::memcpy(&value, reinterpret_cast<void*>(map[ADDRESS] + y * map[PITCH] + x * 2), 2);
      std::uint32_t to = swizzled(start + (row * width + column) * 2, (unsigned)map[SWIZZLE]);
      std::memcpy(data + (to - copy.to.address), &value, 2);
    }
  }
  std::uint32_t bytes = width * height * 2;
  for (std::uint32_t piece = start / 16; piece < (start + bytes) / 16; piece++) async.pieces[piece].arrived = true;
  copy.barrier->bytes -= (std::int32_t)bytes;
  settle(*copy.barrier);
}

bool Async::deliver(std::mt19937_64& random) {
  bool any = !copies.empty();
  std::shuffle(copies.begin(), copies.end(), random);
  std::size_t staying = random() % (copies.size() + 1);
  for (std::size_t i = staying; i < copies.size(); i++) arrive(*this, copies[i]);
  copies.resize(std::min(staying, copies.size()), BoxCopy{});
  return any;
}

// A matrix descriptor: which byte of shared memory holds element (line, k), a line being a row of a or a column of b.
struct Descriptor {
  std::uint32_t start, leading, stride;
  unsigned bits;  // of the swizzle
  bool turned;

  Descriptor(std::uint64_t d, bool turned)
      : start((d & 0x3fff) << 4), leading((d >> 16 & 0x3fff) << 4), stride((d >> 32 & 0x3fff) << 4),
        bits(d >> 62 == 0 ? 0 : 4 - (unsigned)(d >> 62)), turned(turned) {}

  // The canonical layouts of the PTX ISA, in pieces of 16 bytes.
  std::uint32_t at(std::uint32_t line, std::uint32_t k) const {
    std::uint32_t width = 1u << bits, from;
    if (!turned) {
      from = line % 8 * width * 16 + line / 8 * stride + k / 8 * (bits == 0 ? leading : 16) + k % 8 * 2;
    } else {
      std::uint32_t piece = line / 8;
      from = bits == 0 ? piece * stride + k % 8 * 16 + k / 8 * leading
                       : piece % width * 16 + piece / width * leading + k % 8 * width * 16 + k / 8 * stride;
      from += line % 8 * 2;
    }
    return swizzled(start + from, bits);
  }
};

static void check(std::uint64_t d, const char* file, int line) {
  if (d & 0xc000'c000'c000ull || d >> 46 & 7 || d >> 49 & 7 || d >> 52 & 0x3ff) {
    fail(file, line, "a matrix descriptor has unknown bits, or a base offset: %#llx", (unsigned long long)d);
  }
}

// A product as the first thread of its warpgroup to come asks for it.
static Product started(Async& async, const Asked& asked, unsigned n, const char* file, int line) {
  for (std::uint64_t d : {asked.a, asked.b}) check(d, file, line);
  Product product;
  product.asked = asked;
  auto& pieces = product.pieces;
  Descriptor a(asked.a, asked.a_turned), b(asked.b, asked.b_turned);
  for (std::uint32_t k = 0; k < 16; k++) {
    for (std::uint32_t i = 0; i < 64; i++) pieces.push_back(a.at(i, k) / 16);
    for (std::uint32_t i = 0; i < n; i++) pieces.push_back(b.at(i, k) / 16);
  }
  std::sort(pieces.begin(), pieces.end());
  pieces.erase(std::unique(pieces.begin(), pieces.end()), pieces.end());
  for (std::uint32_t number : pieces) {
    if (number >= async.pieces.size() || async.pieces[number].barrier == nullptr) {
      fail(file, line, "a product reads shared memory at %#x, which no bulk copy has filled", number * 16);
    }
    Piece& piece = async.pieces[number];
    piece.readers++;
    auto same = [&](const Piece& other) { return other.barrier == piece.barrier && other.phase == piece.phase; };
    auto& arrivals = product.arrivals;
    if (std::none_of(arrivals.begin(), arrivals.end(), same)) arrivals.push_back(piece);
  }
  return product;
}

void wgmma_start(float* sums, unsigned n, const Asked& asked, const char* file, int line) {
  Async& async = *context->async;
  Flight& own = async.own();
  if (!own.fenced) fail(file, line, "a product starts on registers that were not fenced");
  auto& products = async.products[context->number / 128];
  std::size_t number = own.started++;
  if (number == products.size()) products.push_back(started(async, asked, n, file, line));
  const Product& product = products[number];
  if (!(product.asked == asked)) fail(file, line, "the threads of a warpgroup start different products");
  for (const Piece& piece : product.arrivals) {
    if (async.seen(context->number, piece)) continue;
    fail(file, line, "a product reads shared memory before the bulk copy to it was waited for");
  }
  if (own.products.empty()) {
    own.sums = sums;
    own.values.assign(sums, sums + n / 2);
  } else {
    auto in_flight = [](float x) { return bits(x) == IN_FLIGHT; };
    if (own.sums != sums || !std::all_of(sums, sums + n / 2, in_flight)) {
      fail(file, line, "registers of a product in flight were touched");
    }
  }
  std::fill(sums, sums + n / 2, gpu::number(IN_FLIGHT));
  own.products.push_back({number, own.groups});
}

// The product's operands as they are in shared memory now.
static void read(const Async& async, Product& product, std::uint32_t n) {
  const Asked& asked = product.asked;
  auto number_at = [&](std::uint32_t address) {
    auto has = [&](const Array& array) {
      return address >= array.address && address < array.address + array.count * array.bytes;
    };
    const Array& array = *std::find_if(async.arrays.begin(), async.arrays.end(), has);
    std::uint16_t value;
    std::memcpy(&value, static_cast<const char*>(array.data) + (address - array.address), 2);
    return asked.read(value);
  };
  Descriptor a(asked.a, asked.a_turned), b(asked.b, asked.b_turned);
  for (std::uint32_t k = 0; k < 16; k++) {
    for (std::uint32_t i = 0; i < 64; i++) product.left.push_back(number_at(a.at(i, k)));
    for (std::uint32_t i = 0; i < n; i++) product.right.push_back(number_at(b.at(i, k)));
  }
}

// A thread's part: rows lane / 4 and eight further of the 16 of its warp, of each eight columns two.
static void compute(const Product& product, std::vector<float>& sums) {
  std::size_t n = 2 * sums.size();
  unsigned warp = context->number / 32 % 4, lane = context->number % 32;
  for (unsigned k = 0; k < 16; k++) {
    const float* left = &product.left[k * 64 + warp * 16 + lane / 4];
    const float* right = &product.right[k * n + lane % 4 * 2];
    for (std::size_t j = 0; j < n / 8; j++) {
      for (unsigned i = 0; i < 4; i++) {
        sums[4 * j + i] = __builtin_fmaf(left[i / 2 * 8], right[8 * j + i % 2], sums[4 * j + i]);
      }
    }
  }
}

void wgmma_wait(unsigned newest, const char* file, int line) {
  Async& async = *context->async;
  Flight& own = async.own();
  exchange(Payload{}, 0xffffffffu, file, line);
  auto due = [&](const auto& of) { return of.second + newest < own.groups; };
  bool any = !own.products.empty();
  while (!own.products.empty() && due(own.products.front())) {
    Product& product = async.products[context->number / 128][own.products.front().first];
    if (product.left.empty()) read(async, product, 2 * (std::uint32_t)own.values.size());
    compute(product, own.values);
    if (--product.unfinished == 0) {
      for (std::uint32_t piece : product.pieces) async.pieces[piece].readers--;
      product.left.clear(), product.right.clear();
    }
    own.products.erase(own.products.begin());
  }
  if (any && own.products.empty()) {
    std::copy(own.values.begin(), own.values.end(), own.sums);
    own.fenced = false;
  }
  // The instruction is the warp's: no lane goes on before all have what they waited for.
  exchange(Payload{}, 0xffffffffu, file, line);
}

}  // namespace gpu
