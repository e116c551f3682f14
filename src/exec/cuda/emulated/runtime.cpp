// The emulated GPU's scheduler: runs a launch block by block, every thread a fiber.
//
// Blocks and threads run in an order drawn from the launch's seed. A thread runs until it ends or waits; when
// nobody can run, whoever waits at the same place is released, or the launch ends with a report.
#include "gpu.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace gpu {

thread_local Context* context = nullptr;
Kernel* Kernel::all = nullptr;

// A fiber's saved place, and how to get from one to another.
#if defined(__x86_64__)
using Place = void*;
extern "C" void gpu_switch(Place* save, Place load);
asm(R"(
.text
.p2align 4
.type gpu_switch,@function
gpu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size gpu_switch,.-gpu_switch
)");
static void begin(Place& place, char* stack, std::size_t bytes, void (*entry)()) {
  // Six registers, then the address `ret` takes; the stack is then as after a call.
  void** top = reinterpret_cast<void**>(stack + bytes);
  std::fill(top - 8, top, nullptr);
  top[-2] = reinterpret_cast<void*>(entry);
  place = top - 8;
}
static void go(Place& save, Place& load) { gpu_switch(&save, load); }
#else
using Place = ucontext_t;
static void begin(Place& place, char* stack, std::size_t bytes, void (*entry)()) {
  getcontext(&place);
  place.uc_stack.ss_sp = stack;
  place.uc_stack.ss_size = bytes;
  place.uc_link = nullptr;
  makecontext(&place, entry, 0);
}
static void go(Place& save, Place& load) { swapcontext(&save, &load); }
#endif

// What AddressSanitizer must be told, where it is built in: on which stack the code goes on, and what memory nobody
// may touch.
#if defined(__SANITIZE_ADDRESS__)
#define UNCHECKED __attribute__((no_sanitize_address, noinline))
constexpr bool CHECKED = true;
static void leave(void** own, const void* bottom, std::size_t bytes) {
  __sanitizer_start_switch_fiber(own, bottom, bytes);
}
static void arrive(void* own, const void** bottom, std::size_t* bytes) {
  __sanitizer_finish_switch_fiber(own, bottom, bytes);
}
static void forbid(std::uintptr_t from, std::size_t bytes) { __asan_poison_memory_region((void*)from, bytes); }
static void allow(std::uintptr_t from, std::size_t bytes) { __asan_unpoison_memory_region((void*)from, bytes); }
#else
#define UNCHECKED
constexpr bool CHECKED = false;
static void leave(void**, const void*, std::size_t) {}
static void arrive(void*, const void**, std::size_t*) {}
static void forbid(std::uintptr_t, std::size_t) {}
static void allow(std::uintptr_t, std::size_t) {}
#endif

enum class State { Ready, AtBarrier, AtCollective, AtCondition, Done };

// An asynchronous copy on its way; `group` counts the groups closed before it.
struct Copy {
  Array array;  // of words of 4 bytes
  std::size_t word;
  std::uintptr_t from;
  unsigned group;
};

struct Fiber {
  Place place;
  char* stack = nullptr;
  void* checked = nullptr;  // AddressSanitizer's own stack, while another fiber runs
  State state = State::Ready;
  const char* file = nullptr;
  int line = 0;
  uint3 thread{};
  unsigned mask = 0;
  Payload value{};
  std::vector<Copy> copies;  // asked for and not delivered
  unsigned copy_groups = 0;  // closed
  // What a suspended thread waits for.
  bool (*ready)(const void*, unsigned) = nullptr;
  const void* what = nullptr;
  unsigned number = 0;
};

// Checked frames have zones around each variable.
constexpr std::size_t STACK = (CHECKED ? 256 : 64) * 1024, PAGE = 4096;
constexpr unsigned char POISON = 0xff;
constexpr Shadow UNTOUCHED{NOBODY, NOBODY, NOBODY, 0, 0, 0, 0};

struct Span {
  std::uintptr_t from, to;
};

// An emulated GPU: what it keeps from launch to launch (stacks), and the launch it is running.
struct Device {
  Context seen{};
  std::vector<Fiber> fibers;
  Place scheduler;
  const void* scheduler_stack = nullptr;  // as AddressSanitizer knows it
  std::size_t scheduler_bytes = 0;
  Fiber* current = nullptr;
  const Kernel* kernel = nullptr;
  const void* argument = nullptr;
  std::vector<Span> allocations;  // sorted
  std::vector<Order> order;                 // each thread
  std::vector<std::uint32_t> warp_epochs;   // collectives passed, each warp
  std::vector<Payload> warp_values;         // what each lane gave to the collective passed last
  struct Declared {
    const void* site;
    Array array;
    std::vector<unsigned char> data;
    std::vector<Shadow> shadow;
  };
  // Pointers into these stay valid: arrays are reused block after block and never moved.
  std::vector<std::unique_ptr<Declared>> arrays;
  std::size_t dynamic_bytes = 0;
  std::size_t shared_end = 0;  // where the next array of shared memory goes
  Async async;
  std::string report;

  ~Device() {
    for (Fiber& f : fibers) {
      if (f.stack != nullptr) munmap(f.stack, STACK);
    }
  }
};
// The device whose launch this OS thread is running.
static thread_local Device* device = nullptr;

// From the scheduler to a fiber, until that waits. These three leave frames behind when a fiber ends.
UNCHECKED static void resume(Fiber& f) {
  void* own = nullptr;
  device->current = &f;
  leave(&own, f.stack + PAGE, STACK - PAGE);
  go(device->scheduler, f.place);
  arrive(own, nullptr, nullptr);
}

UNCHECKED static void wait(State state, const char* file, int line) {
  Fiber& f = *device->current;
  f.state = state;
  f.file = file;
  f.line = line;
  leave(state == State::Done ? nullptr : &f.checked, device->scheduler_stack, device->scheduler_bytes);
  go(f.place, device->scheduler);
  arrive(f.checked, &device->scheduler_stack, &device->scheduler_bytes);
}

static const char* short_name(const char* file) {
  const char* slash = std::strrchr(file, '/');
  return slash == nullptr ? file : slash + 1;
}

static std::string format_report(const char* format, va_list arguments) {
  char text[512];
  std::vsnprintf(text, sizeof text, format, arguments);
  return text;
}

static std::string where(unsigned number) {
  const Context& c = *context;
  char text[256];
  std::snprintf(text, sizeof text, "%s, block (%u, %u, %u), thread %u", device->kernel->name, c.block.x, c.block.y,
                c.block.z, number);
  return text;
}

void fail(const char* file, int line, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::string what = format_report(format, arguments);
  va_end(arguments);
  device->report = std::string(short_name(file)) + ":" + std::to_string(line) + ": " +
                  where(context->number) + ": " + what;
  // The scheduler sees the report and abandons every fiber.
  wait(State::Done, file, line);
  __builtin_unreachable();
}

void race(At at, const Array& array, const char* what, unsigned other) {
  std::string who = other == MANY ? "several threads" : "thread " + std::to_string(other);
  fail(at.file, at.line, "race: %s[%lld] was %s by %s with no barrier between", array.name, (long long)at.index, what,
       who.c_str());
}

void unordered(At at, bool owes) {
  if (owes) fail(at.file, at.line, "unordered: memory of the device is touched after a ticket with no fence between");
  fail(at.file, at.line, "unordered: memory of the device is touched beside the ticket of thread %u, no barrier between",
       context->ticket_thread);
}

// A thread's own stores come before, what it reads comes after.
void fence() {
  Context& c = *context;
  Order& own = c.order[c.number];
  own.unfenced = false;
  // Beside the ticket only its taker knows that it is taken.
  if (c.ticket != c.epoch + 1 || c.ticket_thread == c.number) own.owes = false;
}

unsigned ticket(unsigned* at, unsigned by, const char* file, int line) {
  Context& c = *context;
  for (unsigned i = 0; i < device->fibers.size(); i++) {
    Order& other = c.order[i];
    if (i != c.number && other.touched == c.epoch + 1) {
      fail(file, line, "unordered: a ticket beside what thread %u touches, no barrier between", i);
    }
    if (i != c.number && other.unfenced) {
      fail(file, line, "unordered: a ticket for what thread %u has touched with no fence after", i);
    }
    other.owes = true;
  }
  c.ticket = c.epoch + 1;
  c.ticket_thread = c.number;
  unsigned before = *at;
  *at = before + by;
  return before;
}

bool inside(std::uintptr_t at, std::size_t bytes) {
  auto after = std::upper_bound(device->allocations.begin(), device->allocations.end(), at,
                                [](std::uintptr_t p, const Span& span) { return p < span.from; });
  if (after == device->allocations.begin()) return false;
  const Span& span = after[-1];
  if (at + bytes > span.to) return false;
  context->from = span.from;
  context->to = span.to;
  return true;
}

Array shared_array(const void* site, std::size_t bytes, std::size_t count, const char* name) {
  for (auto& declared : device->arrays) {
    if (declared->site == site) return declared->array;
  }
  auto declared = std::make_unique<Device::Declared>();
  declared->site = site;
  declared->data.assign(bytes * count, POISON);
  declared->shadow.assign(count, UNTOUCHED);
  std::uint32_t address = (std::uint32_t)device->shared_end;
  declared->array = Array{declared->data.data(), declared->shadow.data(), count, name, (std::uint32_t)bytes, address};
  device->shared_end += (bytes * count + 15) / 16 * 16;
  device->arrays.push_back(std::move(declared));
  return device->arrays.back()->array;
}

Array dynamic_array(std::size_t bytes, const char* name, const char* file, int line) {
  if (device->dynamic_bytes % bytes != 0) {
    fail(file, line, "%zu bytes of dynamic shared memory are not a whole number of elements of %s",
         device->dynamic_bytes, name);
  }
  return shared_array(&device->dynamic_bytes, bytes, device->dynamic_bytes / bytes, name);
}

void barrier(const char* file, int line) { wait(State::AtBarrier, file, line); }

const Payload* exchange(const Payload& own, unsigned mask, const char* file, int line) {
  Fiber& f = *device->current;
  f.value = own;
  f.mask = mask;
  wait(State::AtCollective, file, line);
  // The values taken at the release stay until these lanes are released again.
  return &device->warp_values[context->number / 32 * 32];
}

void wait_until(bool (*ready)(const void*, unsigned), const void* what, unsigned number, const char* file, int line) {
  Fiber& f = *device->current;
  f.ready = ready;
  f.what = what;
  f.number = number;
  wait(State::AtCondition, file, line);
}

void settled(At at, const Array& array) {
  if (device->async.used) device->async.touched(at, array);
  unsigned copier = array.shadow[at.index].copier;
  if (copier == NOBODY) return;
  fail(at.file, at.line, "%s[%lld] is touched before the asynchronous copy of thread %u to it was waited for",
       array.name, (long long)at.index, copier);
}

void overwritten(At at, const Array& array) {
  if (device->async.used) device->async.overwritten(at, array);
}

void copy_async(const Array& array, std::size_t word, std::uintptr_t from) {
  Fiber& f = *device->current;
  for (std::size_t i = 0; i < 4; i++) array.shadow[word + i].copier = (std::uint16_t)context->number;
  f.copies.push_back(Copy{array, word, from, f.copy_groups});
}

void copies_commit() { device->current->copy_groups++; }

void copies_wait(unsigned newest) {
  Fiber& f = *device->current;
  const Context& c = *context;
  auto due = [&](const Copy& copy) { return copy.group + newest < f.copy_groups; };
  for (const Copy& copy : f.copies) {
    if (!due(copy)) continue;
    std::memcpy(static_cast<char*>(copy.array.data) + copy.word * 4, reinterpret_cast<void*>(copy.from), 16);
    for (std::size_t i = 0; i < 4; i++) {
      Shadow& s = copy.array.shadow[copy.word + i];
      s.copier = NOBODY;
      s.writer = (std::uint16_t)c.number;
      s.write_epoch = c.epoch;
      s.write_warp_epoch = c.warp_epoch;
    }
  }
  f.copies.erase(std::remove_if(f.copies.begin(), f.copies.end(), due), f.copies.end());
}

UNCHECKED static void entry() {
  arrive(nullptr, &device->scheduler_stack, &device->scheduler_bytes);
  device->kernel->call(*device->kernel, device->argument);
  if (device->async.used && !device->async.own().products.empty()) {
    fail("kernel", 0, "a thread ends while a product of it is in flight");
  }
  wait(State::Done, "", 0);
}

static void report_stuck(unsigned number, const char* what) {
  const Fiber& f = device->fibers[number];
  device->report = std::string(short_name(f.file)) + ":" + std::to_string(f.line) + ": " + where(number) + ": " + what;
}

static bool same_place(const Fiber& a, const Fiber& b) {
  return a.line == b.line && std::strcmp(a.file, b.file) == 0;
}

static std::string place_of(const Fiber& f) { return std::string(short_name(f.file)) + ":" + std::to_string(f.line); }

// Lets one warp pass its collective, if all lanes of its mask stand at the same one.
static bool release_warp(unsigned first, unsigned end) {
  auto& fibers = device->fibers;
  auto waiting = [&](unsigned i) { return fibers[i].state == State::AtCollective; };
  unsigned leader = first;
  while (leader < end && !waiting(leader)) leader++;
  if (leader == end) return false;
  for (unsigned i = first; i < end; i++) {
    if (!(fibers[leader].mask >> (i - first) & 1)) continue;
    const Fiber &a = fibers[leader], &b = fibers[i];
    if (!waiting(i)) return false;
    if (!same_place(a, b) || a.mask != b.mask) {
      report_stuck(i, ("divergent collective: another lane of the warp waits at " + place_of(a)).c_str());
      return false;
    }
  }
  unsigned mask = fibers[leader].mask;
  for (unsigned i = first; i < end; i++) {
    if (!(mask >> (i - first) & 1)) continue;
    fibers[i].state = State::Ready;
    device->warp_values[i] = fibers[i].value;
  }
  device->warp_epochs[first / 32]++;
  return true;
}

static bool release_block() {
  auto& fibers = device->fibers;
  for (unsigned i = 0; i < fibers.size(); i++) {
    if (fibers[i].state != State::AtCondition) continue;
    report_stuck(i, "deadlock: waits for the end of a phase that never comes");
    return false;
  }
  for (unsigned i = 0; i < fibers.size(); i++) {
    if (fibers[i].state == State::Done) {
      unsigned other = 0;
      while (fibers[other].state == State::Done) other++;
      report_stuck(other, ("deadlock: waits for thread " + std::to_string(i) + ", which has ended").c_str());
      return false;
    }
    if (fibers[i].state == State::AtCollective) {
      report_stuck(i, "deadlock: waits for lanes of its warp that never come");
      return false;
    }
    if (!same_place(fibers[i], fibers[0])) {
      report_stuck(i, ("divergent barrier: thread 0 waits at " + place_of(fibers[0])).c_str());
      return false;
    }
  }
  for (Fiber& f : fibers) f.state = State::Ready;
  device->seen.epoch++;
  return true;
}

static void run_block(unsigned threads, std::mt19937_64& random, std::vector<unsigned>& order) {
  auto& fibers = device->fibers;
  Context& c = device->seen;
  for (auto& declared : device->arrays) {
    std::fill(declared->data.begin(), declared->data.end(), POISON);
    std::fill(declared->shadow.begin(), declared->shadow.end(), UNTOUCHED);
  }
  std::fill(device->order.begin(), device->order.end(), Order{});
  c.ticket = 0;
  for (unsigned i = 0; i < threads; i++) {
    Fiber& f = fibers[i];
    f.thread = {i % c.block_size.x, i / c.block_size.x % c.block_size.y, i / c.block_size.x / c.block_size.y};
    f.state = State::Ready;
    f.copies.clear();
    f.copy_groups = 0;
    begin(f.place, f.stack + PAGE, STACK - PAGE, entry);
  }
  device->async.reset(threads);
  for (;;) {
    std::shuffle(order.begin(), order.end(), random);
    // Warps that no barrier of the block keeps together come apart: now and then one rests.
    std::uint64_t resting = device->async.used ? random() & random() : 0;
    bool rested = false;
    for (unsigned i : order) {
      Fiber& f = fibers[i];
      if (f.state != State::Ready) continue;
      if (resting >> i / 32 & 1) {
        rested = true;
        continue;
      }
      c.thread = f.thread;
      c.number = i;
      c.warp_epoch = device->warp_epochs[i / 32];
      resume(f);
      if (!device->report.empty()) return;
    }
    auto done = [](const Fiber& f) { return f.state == State::Done; };
    if (std::all_of(fibers.begin(), fibers.end(), done)) {
      if (!device->async.copies.empty()) report_stuck(0, "the block ends while a bulk copy is on its way");
      return;
    }
    bool released = device->async.deliver(random);
    for (Fiber& f : fibers) {
      if (f.state != State::AtCondition || !f.ready(f.what, f.number)) continue;
      f.state = State::Ready;
      released = true;
    }
    for (unsigned first = 0; first < threads; first += 32) {
      released |= release_warp(first, std::min(threads, first + 32));
      if (!device->report.empty()) return;
    }
    if (!released && !rested && !release_block()) return;
  }
}

static void use_threads(unsigned threads) {
  auto& fibers = device->fibers;
  while (fibers.size() > threads) {
    munmap(fibers.back().stack, STACK);
    fibers.pop_back();
  }
  while (fibers.size() < threads) {
    fibers.emplace_back();
    void* stack = mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED) {
      device->report = "no memory for the stacks of " + std::to_string(threads) + " emulated threads";
      fibers.pop_back();
      return;
    }
    // A stack that overflows hits a page nobody may touch.
    mprotect(stack, PAGE, PROT_NONE);
    fibers.back().stack = static_cast<char*>(stack);
  }
}

static void run_grid(std::uint64_t seed) {
  Context& c = device->seen;
  unsigned threads = c.block_size.x * c.block_size.y * c.block_size.z;
  use_threads(threads);
  if (!device->report.empty()) return;
  device->warp_epochs.assign((threads + 31) / 32, 0);
  device->order.assign(threads, Order{});
  c.order = device->order.data();
  device->warp_values.assign((threads + 31) / 32 * 32, Payload{});
  std::mt19937_64 random(seed);
  std::vector<unsigned> order(threads);
  for (unsigned i = 0; i < threads; i++) order[i] = i;
  std::vector<std::uint64_t> blocks((std::uint64_t)c.grid_size.x * c.grid_size.y * c.grid_size.z);
  for (std::uint64_t i = 0; i < blocks.size(); i++) blocks[i] = i;
  std::shuffle(blocks.begin(), blocks.end(), random);
  for (std::uint64_t b : blocks) {
    std::uint64_t row = b / c.grid_size.x;
    c.block = {(unsigned)(b % c.grid_size.x), (unsigned)(row % c.grid_size.y), (unsigned)(row / c.grid_size.y)};
    c.epoch = 0;
    run_block(threads, random, order);
    if (!device->report.empty()) return;
  }
}

}  // namespace gpu

extern "C" {

struct GpuLaunch {
  std::uint32_t grid[3], block[3];
  std::uint64_t shared_bytes, seed;
  const gpu::Span* allocations;  // [allocation_count], sorted by address
  std::uint64_t allocation_count;
  std::uint64_t guard_bytes;  // before and after each
  const void* argument;  // [argument_bytes]
  std::uint64_t argument_bytes;
};

gpu::Device* gpu_new() { return new gpu::Device(); }

void gpu_free(gpu::Device* device) { delete device; }

static const gpu::Kernel* find_kernel(const char* name) {
  const gpu::Kernel* kernel = gpu::Kernel::all;
  while (kernel != nullptr && std::strcmp(kernel->name, name) != 0) kernel = kernel->next;
  return kernel;
}

int gpu_has(const char* name) { return find_kernel(name) != nullptr; }

// Runs one launch to its end: 0, or 1 with a report in `message`.
int gpu_launch(gpu::Device* on, const char* name, const GpuLaunch* launch, char* message, std::uint64_t capacity) {
  using namespace gpu;
  device = on;
  const Kernel* kernel = find_kernel(name);
  device->report.clear();
  if (kernel == nullptr) {
    device->report = "no such kernel";
  } else if (kernel->argument_bytes != launch->argument_bytes) {
    device->report = "its parameter has " + std::to_string(kernel->argument_bytes) + " bytes, the launch gave " +
                    std::to_string(launch->argument_bytes);
  } else {
    Context& c = device->seen;
    c = Context{};
    c.grid_size = {launch->grid[0], launch->grid[1], launch->grid[2]};
    c.block_size = {launch->block[0], launch->block[1], launch->block[2]};
    context = &c;
    device->kernel = kernel;
    device->argument = launch->argument;
    device->dynamic_bytes = launch->shared_bytes;
    device->allocations.assign(launch->allocations, launch->allocations + launch->allocation_count);
    device->arrays.clear();
    // Not a multiple of more than 16, as nobody promises one.
    device->shared_end = 1024 + 16;
    device->async = Async{};
    c.async = &device->async;
    auto guards = [&](void (*change)(std::uintptr_t, std::size_t)) {
      for (const Span& span : device->allocations) {
        change(span.from - launch->guard_bytes, launch->guard_bytes);
        change(span.to, launch->guard_bytes);
      }
    };
    guards(forbid);
    run_grid(launch->seed);
    guards(allow);
    if (!device->report.empty()) {
      // Fibers that were abandoned left frames with zones that nobody may touch.
      for (Fiber& f : device->fibers) allow((std::uintptr_t)(f.stack + PAGE), STACK - PAGE);
    }
  }
  std::snprintf(message, capacity, "%s", device->report.c_str());
  return device->report.empty() ? 0 : 1;
}
}
