#include "networks.h"

#include "kernels.h"
#include "support.h"

#include <algorithm>

// A ResNet-20 spends half of its time waiting for memory if every layer goes over a whole batch: an activation of 128 images of
// 28x28 pixels and 16 channels is 6 MB. Here each thread takes a few images through all layers, in places that stay in its own cache.

namespace soup::sheets {
namespace {

/// Bytes that the images which a thread takes together have in the largest place. A layer uses two or three places, scratch memory and
/// weights; 1 MB is what the nearest large cache holds. Measured for ResNet-20: 2 images 270 µs each, 1 image 330, 4 images 285, 64
/// images 420.
constexpr int64_t budget = 128 << 10;

struct Shape {
  int64_t channels = 0, height = 0, width = 0;

  int64_t values() const { return bordered(height) * bordered(width) * channels; }
  bool operator==(const Shape &) const = default;
};

struct Layer {
  int64_t from, to, residual;
  int64_t kernel, stride, inputs, outputs;
  const Table *table;
  /// Undefined: a shortcut with `extra` channels of zeros on both sides.
  at::Tensor weight, bias;
  int64_t extra;
  bool relu;
};

class Network {
 public:
  Network(int64_t slots, const Table &table) : slots_(slots), table_(table) {}

  void convolution(
      int64_t from, int64_t to, int64_t residual, const at::Tensor &weight, const at::Tensor &bias, int64_t stride, bool relu) {
    check(from, to);
    TORCH_CHECK(residual >= -1 && residual < slots_ && residual != from, "a residual in another place was expected, found ", residual);
    TORCH_CHECK(
        plain(weight) && weight.dim() == 4 && weight.scalar_type() == at::kFloat && weight.size(2) == weight.size(3) &&
            serves(weight.size(2), stride, weight.size(1), weight.size(0)),
        "a float32 weight [outputs, inputs, 1 or 3, 1 or 3] on the CPU was expected, outputs and inputs in multiples of 16, found ",
        weight.sizes(), " and stride ", stride);
    const int64_t outputs = weight.size(0), inputs = weight.size(1), kernel = weight.size(2);
    TORCH_CHECK(
        plain(bias) && bias.scalar_type() == at::kFloat && bias.dim() == 1 && bias.size(0) == outputs, "a float32 bias of ",
        outputs, " values was expected, found ", bias.sizes());
    // The few channels of an image take no time and keep their precision.
    const auto &table = inputs % 16 == 0 ? table_ : *best(false);
    auto source = weight.detach().contiguous();
    auto packed = at::empty({static_cast<int64_t>(table.packed_size(kernel, stride, inputs, outputs))}, at::kByte);
    table.pack(kernel, stride, inputs, outputs, source.const_data_ptr<float>(), packed.mutable_data_ptr());
    layers_.push_back({from, to, residual, kernel, stride, inputs, outputs, &table, packed, bias.detach().clone(), 0, relu});
  }

  void shortcut(int64_t from, int64_t to, int64_t stride, int64_t extra) {
    check(from, to);
    TORCH_CHECK(stride >= 1 && extra >= 0, "a stride of 1 or more was expected, found ", stride);
    layers_.push_back({from, to, -1, 1, stride, 0, 0, nullptr, {}, {}, extra, false});
  }

  at::Tensor features(const at::Tensor &images) const {
    TORCH_CHECK(
        images.is_cpu() && images.layout() == at::kStrided && images.dim() == 4 && images.scalar_type() == at::kFloat,
        "float32 images [N, C, H, W] on the CPU were expected, found ", images.sizes());
    TORCH_CHECK(!layers_.empty(), "a network without layers");
    const auto shapes = plan({images.size(1), images.size(2), images.size(3)});
    const Shape last = shapes[layers_.back().to];
    const int64_t count = images.size(0);
    auto result = at::empty({count, last.channels}, images.options().memory_format(at::MemoryFormat::Contiguous));
    if (count == 0) return result;

    int64_t largest = 1, total = 0, scratch = 0;
    std::vector<int64_t> offsets;
    for (const auto &shape : shapes) {
      largest = std::max<int64_t>(largest, shape.values() * sizeof(float));
      offsets.push_back(total);
      total += line(shape.values());
    }
    for (const auto &layer : layers_)
      if (layer.weight.defined())
        scratch = std::max<int64_t>(scratch, layer.table->scratch_size(call(layer, 1, sheet(shapes[layer.from], nullptr), sheet(shapes[layer.to], nullptr), {})));
    const int64_t threads = kernels::thread_limit();
    const int64_t together = std::clamp<int64_t>(budget / largest, 1, std::max<int64_t>(1, (count + threads - 1) / threads));
    const int64_t places = total * together, size = places + line((scratch + sizeof(float) - 1) / sizeof(float));
    auto memory = at::empty({threads, size}, images.options().memory_format(at::MemoryFormat::Contiguous));
    float *const all = memory.data_ptr<float>(), *const out = result.data_ptr<float>();
    std::vector<uint8_t> cleared(threads, 0);
    kernels::each((count + together - 1) / together, [&, first_thread = cleared.data()](int64_t piece, int thread) {
      // Nothing here allocates or throws: LibTorch's threads could not pass it on.
      float *const mine = all + thread * size;
      if (!first_thread[thread]) {  // borders stay zero from then on
        std::fill_n(mine, places, 0.0f);
        first_thread[thread] = 1;
      }
      const int64_t first = piece * together, number = std::min(together, count - first);
      auto place = [&](int64_t index) { return index < 0 ? Sheet{} : sheet(shapes[index], mine + offsets[index] * together); };
      fetch(images, first, number, place(0));
      for (const auto &layer : layers_) {
        const Sheet from = place(layer.from), to = place(layer.to);
        if (layer.weight.defined()) layer.table->convolve(call(layer, number, from, to, place(layer.residual)), mine + places);
        else thin(layer, from, to, number);
      }
      average(place(layers_.back().to), number, out + first * last.channels);
    });
    return result;
  }

 private:
  const int64_t slots_;
  const Table &table_;
  std::vector<Layer> layers_;

  void check(int64_t from, int64_t to) const {
    TORCH_CHECK(
        from >= 0 && from < slots_ && to > 0 && to < slots_ && from != to, "a layer between two of ", slots_,
        " places was expected, found ", from, " and ", to);
  }

  /// Whole cache lines, and one more, so that places do not all begin at the same lines of the nearest cache.
  static int64_t line(int64_t values) { return (values + 15) / 16 * 16 + 16; }

  static Sheet sheet(const Shape &shape, float *memory) {
    const int64_t row = bordered(shape.width) * shape.channels;
    return {
        memory == nullptr ? nullptr : memory + row + shape.channels, shape.channels, shape.height, shape.width, row,
        line(shape.values())};
  }

  /// The shape of every place, for images of this shape.
  std::vector<Shape> plan(Shape image) const {
    TORCH_CHECK(image.height > 0 && image.width > 0, "images of no pixels");
    std::vector<Shape> shapes(slots_);
    shapes[0] = image;
    for (const auto &layer : layers_) {
      const auto &from = shapes[layer.from];
      TORCH_CHECK(from.channels > 0, "place ", layer.from, " is read before it is written");
      TORCH_CHECK(
          !layer.weight.defined() || from.channels == layer.inputs, layer.inputs, " channels were expected, found ", from.channels);
      const Shape to = {
          layer.weight.defined() ? layer.outputs : from.channels + 2 * layer.extra, (from.height - 1) / layer.stride + 1,
          (from.width - 1) / layer.stride + 1};
      auto &place = shapes[layer.to];
      TORCH_CHECK(place.channels == 0 || place == to, "place ", layer.to, " is used for images of two shapes");
      place = to;
      TORCH_CHECK(layer.residual < 0 || shapes[layer.residual] == to, "the residual has another shape than the result");
    }
    return shapes;
  }

  static Convolution call(const Layer &layer, int64_t images, const Sheet &from, const Sheet &to, const Sheet &residual) {
    return {
        images, layer.kernel, layer.stride, from, to, residual, layer.weight.const_data_ptr(), layer.bias.const_data_ptr<float>(),
        layer.relu};
  }

  static void fetch(const at::Tensor &images, int64_t first, int64_t number, const Sheet &to) {
    const float *source = images.const_data_ptr<float>();
    const int64_t channel = images.stride(1), row = images.stride(2), pixel = images.stride(3);
    for (int64_t n = 0; n < number; ++n)
      for (int64_t h = 0; h < to.height; ++h) {
        const float *x = source + (first + n) * images.stride(0) + h * row;
        float *y = to.pixels + n * to.image + h * to.row;
        for (int64_t w = 0; w < to.width; ++w)
          for (int64_t c = 0; c < to.channels; ++c) y[w * to.channels + c] = x[w * pixel + c * channel];
      }
  }

  static void thin(const Layer &layer, const Sheet &from, const Sheet &to, int64_t number) {
    for (int64_t n = 0; n < number; ++n)
      for (int64_t h = 0; h < to.height; ++h)
        for (int64_t w = 0; w < to.width; ++w) {
          const float *x = from.pixels + n * from.image + h * layer.stride * from.row + w * layer.stride * from.channels;
          float *y = to.pixels + n * to.image + h * to.row + w * to.channels;
          std::fill_n(y, layer.extra, 0.0f);
          std::copy_n(x, from.channels, y + layer.extra);
          std::fill_n(y + layer.extra + from.channels, layer.extra, 0.0f);
        }
  }

  static void average(const Sheet &from, int64_t number, float *out) {
    const float share = 1.0f / static_cast<float>(from.height * from.width);
    for (int64_t n = 0; n < number; ++n, out += from.channels) {
      std::fill_n(out, from.channels, 0.0f);
      for (int64_t h = 0; h < from.height; ++h) {
        const float *x = from.pixels + n * from.image + h * from.row;
        for (int64_t w = 0; w < from.width; ++w, x += from.channels)
          for (int64_t c = 0; c < from.channels; ++c) out[c] += x[c];
      }
      for (int64_t c = 0; c < from.channels; ++c) out[c] *= share;
    }
  }
};

}  // namespace
}  // namespace soup::sheets

using namespace soup;

namespace {
sheets::Network &network(ct_network handle) { return *reinterpret_cast<sheets::Network *>(handle); }
}  // namespace

bool ct_network_available(bool rounds) { return sheets::best(rounds) != nullptr; }

bool ct_network_serves(ptrdiff_t kernel, ptrdiff_t stride, ptrdiff_t inputs, ptrdiff_t outputs) {
  return sheets::serves(kernel, stride, inputs, outputs);
}

ct_status ct_network_new(ptrdiff_t slots, bool rounds, ct_network *out, ct_error *error) {
  return guarded(error, [&] {
    const auto *table = sheets::best(rounds);
    TORCH_CHECK(table != nullptr, "this processor has no AVX-512", rounds ? " with bfloat16" : "");
    TORCH_CHECK(slots > 1, "two places or more were expected, found ", slots);
    *out = reinterpret_cast<ct_network>(new sheets::Network(slots, *table));
  });
}

void ct_network_free(ct_network handle) { delete &network(handle); }

ct_status ct_network_convolution(
    ct_network handle, ptrdiff_t from, ptrdiff_t to, ptrdiff_t residual, ct_tensor weight, ct_tensor bias, ptrdiff_t stride,
    bool relu, ct_error *error) {
  return guarded(error, [&] {
    at::NoGradGuard guard;
    network(handle).convolution(from, to, residual, tensor(weight), tensor(bias), stride, relu);
  });
}

ct_status ct_network_shortcut(ct_network handle, ptrdiff_t from, ptrdiff_t to, ptrdiff_t stride, ptrdiff_t extra, ct_error *error) {
  return guarded(error, [&] { network(handle).shortcut(from, to, stride, extra); });
}

ct_status ct_network_features(ct_network handle, ct_tensor images, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    at::NoGradGuard guard;
    return network(handle).features(tensor(images));
  });
}
