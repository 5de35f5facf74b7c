// Explain a picture with a model that carries its explanation, in C++.
//
//     explain MODEL PICTURE.ppm OVERLAY.ppm [CLASS]
//
// The model is written by `onnxplain export --uint8 --overlay`: it takes pixels, and draws the
// map over them itself.

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Picture {
  int64_t width = 0, height = 0;
  std::vector<uint8_t> pixels;  // red, green, blue
};

Picture read_ppm(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string kind;
  int64_t deepest = 0;
  Picture picture;
  file >> kind >> picture.width >> picture.height >> deepest;
  const int64_t most = 1 << 15;
  if (!file || kind != "P6" || deepest != 255 || std::min(picture.width, picture.height) < 1 ||
      std::max(picture.width, picture.height) > most) {
    throw std::runtime_error(path + " is no PPM file (P6) of 8 bits without comments");
  }
  file.get();
  picture.pixels.resize(static_cast<size_t>(3 * picture.width * picture.height));
  file.read(reinterpret_cast<char*>(picture.pixels.data()),
            static_cast<std::streamsize>(picture.pixels.size()));
  if (!file) throw std::runtime_error(path + " ends too early");
  return picture;
}

void write_ppm(const std::string& path, int64_t width, int64_t height, const uint8_t* pixels) {
  std::ofstream file(path, std::ios::binary);
  file << "P6\n" << width << ' ' << height << "\n255\n";
  file.write(reinterpret_cast<const char*>(pixels), static_cast<std::streamsize>(3 * width * height));
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

int64_t read_class(const std::string& text) {
  if (text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != std::string::npos) {
    throw std::runtime_error(text + " is no class; give its index");
  }
  return std::stoll(text);
}

std::string input_name(const Ort::Session& session, size_t k) {
  Ort::AllocatorWithDefaultOptions allocator;
  return session.GetInputNameAllocated(k, allocator).get();
}

std::string output_name(const Ort::Session& session, size_t k) {
  Ort::AllocatorWithDefaultOptions allocator;
  return session.GetOutputNameAllocated(k, allocator).get();
}

void explain(const char* model, const char* picture_path, const char* overlay_path, int64_t target) {
  Ort::Env env(ORT_LOGGING_LEVEL_FATAL, "explain");  // errors are told by main, once
  Ort::Session session(env, std::filesystem::path(model).c_str(), Ort::SessionOptions());

  // The first input is the picture, the first output the scores; the others go by their names.
  const std::string image = input_name(session, 0), scores_name = output_name(session, 0);
  bool draws = false;
  for (size_t k = 0; k < session.GetOutputCount(); ++k) draws |= output_name(session, k) == "overlay";
  if (image != "picture" || !draws) {
    throw std::runtime_error(std::string(model) +
                             " takes no pixels or draws no overlay; write a file that does: "
                             "onnxplain export MODEL -m grad-cam --uint8 --overlay -o FILE");
  }
  Picture picture = read_ppm(picture_path);
  const std::vector<int64_t> taken = session.GetInputTypeInfo(0).GetTensorTypeAndShapeInfo().GetShape();
  if (taken[1] != picture.height || taken[2] != picture.width) {
    throw std::runtime_error("the model takes pictures of " + std::to_string(taken[2]) + " x " +
                             std::to_string(taken[1]) + ", " + picture_path + " has " +
                             std::to_string(picture.width) + " x " + std::to_string(picture.height));
  }

  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  const std::array<int64_t, 4> shape{1, picture.height, picture.width, 3};
  const std::array<int64_t, 1> one{1};
  int64_t contrast = -3;  // the mean of all other classes, as `onnxplain explain` does
  bool maps = true;
  std::array<Ort::Value, 4> feeds{
      Ort::Value::CreateTensor<uint8_t>(memory, picture.pixels.data(), picture.pixels.size(),
                                        shape.data(), shape.size()),
      Ort::Value::CreateTensor<int64_t>(memory, &target, 1, one.data(), one.size()),
      Ort::Value::CreateTensor<int64_t>(memory, &contrast, 1, one.data(), one.size()),
      Ort::Value::CreateTensor<bool>(memory, &maps, 1, nullptr, 0)};
  const std::array<const char*, 4> names{image.c_str(), "target", "contrast", "explain"};
  const std::array<const char*, 2> wanted{scores_name.c_str(), "overlay"};
  const auto start = std::chrono::steady_clock::now();
  const std::vector<Ort::Value> found = session.Run(Ort::RunOptions(), names.data(), feeds.data(),
                                                    feeds.size(), wanted.data(), wanted.size());
  const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - start;

  const float* scores = found[0].GetTensorData<float>();
  const size_t count = found[0].GetTensorTypeAndShapeInfo().GetElementCount();
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  const size_t best = std::min<size_t>(5, count);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(best), order.end(),
                    [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  for (size_t k = 0; k < best; ++k) std::printf("%9.4f  class %zu\n", scores[order[k]], order[k]);
  write_ppm(overlay_path, picture.width, picture.height, found[1].GetTensorData<uint8_t>());
  std::printf("%s: the map of class %lld, in %.0f ms\n", overlay_path,
              static_cast<long long>(target < 0 ? static_cast<int64_t>(order[0]) : target),
              spent.count());
}

}  // namespace

int main(int count, char** words) {
  if (count < 4 || count > 5) {
    std::fprintf(stderr, "usage: explain MODEL PICTURE.ppm OVERLAY.ppm [CLASS]\n");
    return 2;
  }
  try {
    explain(words[1], words[2], words[3], count > 4 ? read_class(words[4]) : -1);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
